// PostgreSQL and Redis on this machine, unless the environment names others, and free ports.
export { providePostgres, startPostgres, type ProvidedServer } from './postgres.ts'
export { provideRedis, startRedis, type RedisServer } from './redis.ts'
export type { RedisClientName } from './server-matrix.ts'
export { findFreePort, findFreePorts, onFreePort } from './ports.ts'
