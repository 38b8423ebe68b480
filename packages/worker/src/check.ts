import {
  connectDatabase,
  createPaymentStore,
  isTableMissing,
  missingMigrations,
  NO_TABLES,
  requireMigrations,
  type PaymentsConfig,
} from '@titan/payments'
import { addressOf, closeRedis, connectRedis, createRedis, Failure, type Log } from '@titan/service'

/**
 * Connects to both stores and checks whether they are usable. Starts and changes nothing.
 *
 * @returns the findings, one line each
 * @throws Failure that names the fault
 */
export async function checkStores(
  config: PaymentsConfig,
  { connectTimeoutMs: timeoutMs, migrate }: { readonly connectTimeoutMs: number; readonly migrate: boolean },
  log: Log,
): Promise<string[]> {
  const { databaseUrl, redisUrl } = config
  const sql = await connectDatabase(databaseUrl, timeoutMs, {
    poolSize: 1,
    applicationName: 'titan-worker check',
  })
  const notes: string[] = []
  try {
    await requireTables(createPaymentStore(sql))
    if (migrate) {
      const missing = await missingMigrations(sql)
      if (missing.length > 0) notes.push(`Migrations that the start will apply: ${missing.join(', ')}`)
    } else await requireMigrations(sql)
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
  return [
    `PostgreSQL at ${addressOf(databaseUrl)} is ready`,
    `Redis at ${addressOf(redisUrl)} is ready`,
    ...notes,
  ]
}

async function requireTables(store: { get(id: string): Promise<unknown> }): Promise<void> {
  try {
    await store.get('pay_0')
  } catch (error) {
    throw isTableMissing(error) ? new Failure(NO_TABLES, { cause: error }) : error
  }
}
