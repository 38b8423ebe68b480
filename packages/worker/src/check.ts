import type { PaymentsConfig } from '@titan/payments'
import {
  addressOf,
  closeRedis,
  connectDatabase,
  connectRedis,
  createRedis,
  requireMigrations,
  type Log,
} from '@titan/program'

/**
 * Connects to both stores and looks whether they can be worked with. Starts and changes nothing.
 *
 * @returns what was found, one line each
 * @throws Failure with what is wrong
 */
export async function checkStores(config: PaymentsConfig, timeoutMs: number, log: Log): Promise<string[]> {
  const { databaseUrl, redisUrl } = config
  const sql = await connectDatabase(databaseUrl, timeoutMs, {
    poolSize: 1,
    applicationName: 'titan-worker check',
  })
  try {
    await requireMigrations(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
  const redis = createRedis(redisUrl, log)
  try {
    await connectRedis(redis, redisUrl, timeoutMs)
    await redis.ping()
  } finally {
    closeRedis(redis)
  }
  return [`PostgreSQL at ${addressOf(databaseUrl)} is ready`, `Redis at ${addressOf(redisUrl)} is ready`]
}
