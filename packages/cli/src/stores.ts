import { isInstance, textOf } from '@titan/queue-core/text-of'
import { connectDatabase, isTableMissing, LedgerError, NO_TABLES, type Database } from '@titan/payments'
import {
  closeRedis,
  connectRedis,
  createLog,
  createRedis,
  explainStore,
  EXIT,
  Failure,
  type Redis,
} from '@titan/service'

/** The stores that a command works on; `redis` is undefined for a command that leaves it out. */
export interface Stores {
  readonly sql: Database
  readonly redis: Redis | undefined
}

/** How to open them. */
export interface StoreOptions {
  /** The program, as its complaints name it. */
  readonly name: string
  /** What is missing is not opened. */
  readonly config: { readonly redisUrl?: string; readonly databaseUrl: string | undefined }
  /** How long to try, in milliseconds. */
  readonly connectTimeoutMs: number
  /** Longest run of one statement, in milliseconds; 0: no limit. @default 30000 */
  readonly statementTimeoutMs?: number
}

/** A person waits; a report may read a large table. */
const STATEMENT_TIMEOUT_MS = 30_000

/** Opens stores, each when it is asked for. */
export interface Opener {
  /** @throws Failure when it cannot be reached, or was not given */
  database(): Promise<Database>
  /** @throws Failure when it cannot be reached */
  redis(): Promise<Redis>
}

/** Opens both stores, or PostgreSQL alone, as {@link withOpener} does. */
export async function withStores(
  options: StoreOptions & { readonly withRedis: boolean },
  work: (stores: Stores) => Promise<number>,
): Promise<number> {
  return withOpener(options, async (open) => {
    const sql = await open.database()
    return work({ sql, redis: options.withRedis ? await open.redis() : undefined })
  })
}

/**
 * Lends stores to work, and closes them. What cannot be reached or read is a matter of configuration here (code 2):
 * code 1 is a verdict.
 */
export async function withOpener(
  { name, config, connectTimeoutMs, statementTimeoutMs = STATEMENT_TIMEOUT_MS }: StoreOptions,
  work: (open: Opener) => Promise<number>,
): Promise<number> {
  const closers: (() => void | Promise<void>)[] = []
  const open: Opener = {
    async database() {
      if (config.databaseUrl === undefined) throw new Failure('DATABASE_URL must be set')
      const options = { poolSize: 2, applicationName: name, statementTimeoutMs }
      const sql = await connectDatabase(config.databaseUrl, connectTimeoutMs, options)
      closers.push(() => sql.end({ timeout: 1 }))
      return sql
    },
    async redis() {
      if (config.redisUrl === undefined) throw new Failure('REDIS_URL must be set')
      const log = createLog(name, { logLevel: 'error', logFormat: 'auto' })
      // Reads may be made at a replica; a write that it refuses ends the command.
      const redis = createRedis(config.redisUrl, log, { acceptsReplica: true })
      closers.push(() => closeRedis(redis))
      await connectRedis(redis, config.redisUrl, connectTimeoutMs)
      return redis
    },
  }
  try {
    return await work(open)
  } catch (error) {
    const text = explain(error)
    if (text === undefined) throw error
    process.stderr.write(`${name}: ${text}\n`)
    return EXIT.usage
  } finally {
    for (const close of closers.toReversed()) await close()
  }
}

/** What can be said in one line of an expected failure. */
export function explain(error: unknown): string | undefined {
  if (isInstance(error, Failure) || isInstance(error, LedgerError)) return textOf(error)
  return isTableMissing(error) ? NO_TABLES : explainStore(error)
}
