/**
 * What the programs of this project share: settings with flags and variables, exit codes, logs, signals
 * and connections that outlive their server.
 */
export { retryWhilePassing, unreachable } from './connect.ts'
export * from './health.ts'
export * from './log.ts'
export { loadDefault, locateModule } from './module.ts'
export * from './outage.ts'
export * from './output.ts'
export * from './program.ts'
export { redisUrl, withSentinelLogin } from './redis/place.ts'
export { createRedis, type Redis, type RedisMaster, type SentinelReport } from './redis/redis.ts'
export { once } from './repeats.ts'
export * from './server-url.ts'
export * from './setting-kinds.ts'
export * from './settings.ts'
export * from './signals.ts'
export * from './tracing.ts'
