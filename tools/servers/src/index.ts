// Servers of this machine
export { startPostgres, type PostgresOptions, type PostgresServer } from './postgres.ts'
export { startRedis, type RedisOptions, type RedisServer } from './redis.ts'
// Servers of this machine, unless the environment names others
export { providePostgres, provideRedis, type ProvidedServer } from './provide.ts'
// Ports of this machine
export { findFreePort, findFreePorts } from './ports.ts'
// Errors
export { LocalError, type LocalErrorCode } from './errors.ts'
