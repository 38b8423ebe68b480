import {
  connectDatabase,
  createPaymentStore,
  isTableMissing,
  missingMigrations,
  NO_TABLES,
  PAYMENTS_QUEUE,
  requireMigrations,
  requirePartitions,
  type PaymentsConfig,
} from '@titan/payments'
import { addressOf, createRedis, Failure, type Log } from '@titan/service'
import type { WorkerSettings } from './settings.ts'

/**
 * Connects to both stores and checks whether they are usable. Starts and changes nothing.
 *
 * @returns the findings, one line each
 * @throws Failure that names the fault
 */
export async function checkStores(
  { databaseUrl, redisUrl, partitions }: PaymentsConfig,
  { connectTimeoutMs, migrate }: Pick<WorkerSettings, 'connectTimeoutMs' | 'migrate'>,
  log: Log,
) {
  const lines = [
    `PostgreSQL at ${addressOf(databaseUrl)} is ready`,
    `Redis at ${addressOf(redisUrl)} is ready`,
  ]
  const pool = { poolSize: 1, applicationName: 'titan-worker check' }
  const sql = await connectDatabase(databaseUrl, connectTimeoutMs, pool, log)
  try {
    await createPaymentStore(sql).get('pay_0')
    const missing = migrate ? await missingMigrations(sql) : await requireMigrations(sql)
    await requirePartitions(sql, PAYMENTS_QUEUE, partitions)
    if (missing && missing.length > 0)
      lines.push(`Migrations that the start will apply: ${missing.join(', ')}`)
  } catch (error) {
    throw isTableMissing(error) ? new Failure(NO_TABLES, { cause: error }) : error
  } finally {
    await sql.end({ timeout: 1 })
  }
  const redis = createRedis(redisUrl, log)
  try {
    await redis.connect(connectTimeoutMs)
    for (const { send } of await redis.masters()) await send(['PING'])
  } finally {
    redis.close()
  }
  return lines
}
