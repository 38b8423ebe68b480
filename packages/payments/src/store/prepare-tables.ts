import { codeOf } from '@titan/queue-core/text-of'
import { Failure, type Log } from '@titan/service'
import { openDatabase, type Database } from './database.ts'
import { migrate, missingMigrations } from './migrate.ts'

const OTHERS_TOO = 'and so do titan-api and titan-worker when they start without --no-migrate'

/** What can be said where {@link isTableMissing}. */
export const NO_TABLES: string = `the database has no tables yet: \`titan migrate\` makes them, ${OTHERS_TOO}`

/** Whether a statement failed for a table that does not exist. */
export function isTableMissing(error: unknown): boolean {
  return codeOf(error) === '42P01'
}

/**
 * What a program does with the tables before it works on them: applies the migrations that are missing and says how many,
 * or only makes sure that none is.
 *
 * @throws Failure as {@link requireMigrations}; PaymentsError as `migrate`
 */
export async function prepareTables(
  sql: Database,
  { config, migrate: mayMigrate, log }: TableOptions,
): Promise<void> {
  if (!mayMigrate) return requireMigrations(sql)
  const own = openDatabase(config.databaseUrl, MIGRATING)
  try {
    const applied = await applyMigrations(own)
    if (applied.length > 0) log.info('migrations.applied', 'migrations applied', { count: applied.length })
  } finally {
    await own.end({ timeout: 1 })
  }
}

/**
 * Applies the migrations that are missing, as `migrate`.
 *
 * @throws Failure when the role may not change tables; PaymentsError as `migrate`
 */
export async function applyMigrations(sql: Database): Promise<string[]> {
  try {
    return await migrate(sql)
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    if (codeOf(error) !== FORBIDDEN && codeOf(cause) !== FORBIDDEN) throw error
    throw new Failure(
      'the role in DATABASE_URL may not change tables: run titan migrate as their owner, and the programs with MIGRATE=false',
      { cause: error },
    )
  }
}

/** Options of {@link prepareTables}. */
export interface TableOptions {
  readonly config: { readonly databaseUrl: string }
  readonly migrate: boolean
  readonly log: Log
}

/** One connection of its own, because a migration may run for longer than any statement of a program. */
const MIGRATING = { poolSize: 1, applicationName: 'titan-migrate', statementTimeoutMs: 0 } as const

/**
 * A program on the tables of a version before could charge and not write it down, so it must not start there.
 *
 * @throws Failure with the migrations that are missing
 */
export async function requireMigrations(sql: Database): Promise<void> {
  const missing = await readMissing(sql)
  if (missing.length === 0) return
  throw new Failure(
    `the database lacks migrations (${missing.join(', ')}): \`titan migrate\` applies them, ${OTHERS_TOO}`,
  )
}

/** PostgreSQL's code for a right that the role does not have. */
const FORBIDDEN = '42501'

async function readMissing(sql: Database): Promise<string[]> {
  try {
    return await missingMigrations(sql)
  } catch (error) {
    if (codeOf(error) !== FORBIDDEN) throw error
    throw new Failure('the role in DATABASE_URL may not read the table schema_migrations: grant it SELECT', {
      cause: error,
    })
  }
}
