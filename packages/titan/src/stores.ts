import type { Database, PaymentsConfig } from '@titan/payments'
import {
  closeRedis,
  connectDatabase,
  connectRedis,
  createLog,
  createRedis,
  EXIT,
  Failure,
  type Redis,
} from '@titan/program'
import { LedgerError } from './ledger-source.ts'

/** The stores that a command works on; `redis` is undefined when it was told to leave it out. */
export interface Stores {
  readonly sql: Database
  readonly redis: Redis | undefined
}

/** How to open them. */
export interface StoreOptions {
  /** The program, as its complaints name it. */
  readonly name: string
  readonly config: PaymentsConfig
  readonly withRedis: boolean
  /** How long to try, in milliseconds. */
  readonly connectTimeoutMs: number
}

/** The code of PostgreSQL for a table that does not exist. */
const UNDEFINED_TABLE = '42P01'

/**
 * Opens both stores, works on them and closes them. What cannot be reached or read is a matter of configuration
 * here (code 2): code 1 is a verdict.
 */
export async function withStores(
  { name, config, withRedis, connectTimeoutMs }: StoreOptions,
  work: (stores: Stores) => Promise<number>,
): Promise<number> {
  const closers: (() => void | Promise<void>)[] = []
  try {
    const sql = await connectDatabase(config.databaseUrl, connectTimeoutMs, {
      poolSize: 2,
      applicationName: name,
    })
    closers.push(() => sql.end({ timeout: 1 }))
    if (!withRedis) return await work({ sql, redis: undefined })
    const redis = createRedis(config.redisUrl, createLog(name, { logLevel: 'error', logFormat: 'auto' }))
    closers.push(() => closeRedis(redis))
    await connectRedis(redis, config.redisUrl, connectTimeoutMs)
    return await work({ sql, redis })
  } catch (error) {
    const text = explain(error)
    if (text === undefined) throw error
    process.stderr.write(`${name}: ${text}\n`)
    return EXIT.usage
  } finally {
    for (const close of closers.toReversed()) await close()
  }
}

function explain(error: unknown): string | undefined {
  if (error instanceof Failure || error instanceof LedgerError) return error.message
  if (error instanceof Error && 'code' in error && error.code === UNDEFINED_TABLE)
    return 'the database has no tables yet; titan-api and titan-worker create them when they start'
  return undefined
}
