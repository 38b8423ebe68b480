import { codeOf, textOf } from '@titan/queue-core/text-of'
import { Failure, type Log } from '@titan/service'
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { PaymentsError } from '../domain/errors.ts'
import { openDatabase, type Database, type Queryable } from './database.ts'

/** The project's folder of numbered files. */
const DIRECTORY = fileURLToPath(new URL('../../../../sql/', import.meta.url))

/** Any number will do, as long as every program of this project uses the same. */
const LOCK = 7_414_206

/** How often a migration waits for tables that others use. With the pauses, two minutes at least. */
const LOCK_TRIES = 60

/** Longest wait for one table: everything else waits behind it, and a program's statement gives up after two seconds. */
const LOCK_TIMEOUT = '1s'

const LOCK_PAUSE_MS = 1_000

type Migration = Awaited<ReturnType<typeof readMigrations>>[number]

/**
 * Applies the migrations that are missing, in order, each in one transaction under an advisory lock, so that any
 * number of programs may start at once. Resolves with the names of those it applied. One that meets a deadlock, or waits a
 * second for a table in use, lets the others pass and begins again, `lockTries` times in all.
 *
 * @throws {PaymentsError} `MIGRATION_CHANGED` when an applied file was edited, `MIGRATION_OUT_OF_ORDER` when a file
 * was put before an applied one, `MIGRATION_FAILED` with the database's error as cause
 */
export async function migrate(
  sql: Database,
  { directory = DIRECTORY, lockTries = LOCK_TRIES } = {},
): Promise<string[]> {
  const applied: string[] = []
  for (const migration of await readMigrations(directory))
    if (await applyPatiently(sql, migration, lockTries)) applied.push(migration.name)
  return applied
}

/** Resolves with the names of all migrations, in order. */
export async function migrationNames(directory = DIRECTORY): Promise<string[]> {
  return (await readMigrations(directory)).map(({ name }) => name)
}

/** Resolves with the names of the migrations that {@link migrate} would apply. Reads only. */
export async function missingMigrations(sql: Database, { directory = DIRECTORY } = {}): Promise<string[]> {
  const names = await migrationNames(directory)
  const [table] = await sql<
    { exists: boolean }[]
  >`select to_regclass('schema_migrations') is not null as exists`
  if (table?.exists !== true) return names
  const applied = await sql<{ name: string }[]>`select name from schema_migrations`
  return names.filter((name) => !applied.some((row) => row.name === name))
}

async function readMigrations(directory: string) {
  const names = (await readdir(directory)).filter((name) => /^\d{4}_.+\.sql$/.test(name)).toSorted()
  for (const [index, name] of names.entries()) {
    const before = names[index - 1]
    if (name.slice(0, 4) === before?.slice(0, 4))
      throw new PaymentsError(
        'MIGRATION_OUT_OF_ORDER',
        `Migrations ${before} and ${name} have the same number`,
      )
  }
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(directory, name), 'utf8')
      const checksum = createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex')
      return { name, text, checksum }
    }),
  )
}

async function applyPatiently(sql: Database, migration: Migration, lockTries: number): Promise<boolean> {
  try {
    return await apply(sql, migration)
  } catch (error) {
    if (lockTries <= 1 || !(error instanceof PaymentsError) || !isLockFault(error.cause)) throw error
    await sleep(LOCK_PAUSE_MS)
    return applyPatiently(sql, migration, lockTries - 1)
  }
}

/** A deadlock, or a lock that did not come in time. */
function isLockFault(error: unknown): boolean {
  return /^(40P01|55P03)$/.test(codeOf(error))
}

async function apply(sql: Database, { name, text, checksum }: Migration): Promise<boolean> {
  return sql.begin(async (transaction) => {
    // Others may be migrating for longer than a statement may wait.
    await transaction`select set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true)`
    await transaction`select pg_advisory_xact_lock(${LOCK})`
    if (await isApplied(transaction, name, checksum)) return false
    try {
      await transaction`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`
      await transaction.unsafe(text)
    } catch (error) {
      const reason = `Migration ${name} failed and changed nothing: ${textOf(error)}`
      throw new PaymentsError('MIGRATION_FAILED', reason, { cause: error })
    }
    await transaction`insert into schema_migrations (name, checksum) values (${name}, ${checksum})`
    return true
  })
}

async function isApplied(transaction: Queryable, name: string, checksum: string): Promise<boolean> {
  await transaction`
    create table if not exists schema_migrations (
      name text primary key, checksum text not null, applied_at timestamptz not null default clock_timestamp())`
  const [row] = await transaction<{ checksum: string | null; latest: string | null }[]>`
    select (select checksum from schema_migrations where name = ${name}) as checksum,
           (select max(name) from schema_migrations) as latest`
  if (row?.checksum === checksum) return true
  if (row?.checksum)
    throw new PaymentsError(
      'MIGRATION_CHANGED',
      `Migration ${name} was edited after it had been applied: restore the file and put the change into a new one`,
    )
  if (row?.latest && row.latest > name)
    throw new PaymentsError(
      'MIGRATION_OUT_OF_ORDER',
      `Migration ${name} comes before ${row.latest}, which is applied already`,
    )
  return false
}

const OTHERS_TOO = 'and so do titan-api and titan-worker when they start without --no-migrate'

/** What can be said where {@link isTableMissing}. */
export const NO_TABLES = `the database has no tables yet: \`titan migrate\` makes them, ${OTHERS_TOO}`

/** Whether a statement failed for a table that does not exist. */
export function isTableMissing(error: unknown): boolean {
  return codeOf(error) === '42P01'
}

/** PostgreSQL's code for a right that the role does not have. */
const FORBIDDEN = '42501'

/** A separate connection, because a migration may run for longer than any statement of a program. */
const MIGRATING = { poolSize: 1, applicationName: 'titan-migrate', statementTimeoutMs: 0 } as const

/**
 * Prepares the tables before a program works on them: applies the migrations that are missing and logs how many, or only
 * makes sure that none is.
 *
 * @throws Failure as {@link requireMigrations}; PaymentsError as {@link migrate}
 */
export async function prepareTables(
  sql: Database,
  options: {
    readonly config: { readonly databaseUrl: string }
    readonly migrate: boolean
    readonly log: Log
  },
): Promise<void> {
  if (!options.migrate) return requireMigrations(sql)
  const own = openDatabase(options.config.databaseUrl, MIGRATING)
  try {
    const applied = await applyMigrations(own)
    if (applied.length > 0)
      options.log.info('migrations.applied', 'migrations applied', { count: applied.length })
  } finally {
    await own.end({ timeout: 1 })
  }
}

/** Applies the migrations that are missing. @throws Failure when the role may not change tables; else as {@link migrate} */
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

/**
 * Makes sure that no migration is missing: a program on the tables of a version before could charge and not write it
 * down, so it must not start there.
 *
 * @throws Failure with the migrations that are missing
 */
export async function requireMigrations(sql: Database): Promise<void> {
  const missing = await missingMigrations(sql).catch((error: unknown) => {
    if (codeOf(error) !== FORBIDDEN) throw error
    const reason = 'the role in DATABASE_URL may not read the table schema_migrations: grant it SELECT'
    throw new Failure(reason, { cause: error })
  })
  if (missing.length === 0) return
  throw new Failure(
    `the database lacks migrations (${missing.join(', ')}): \`titan migrate\` applies them, ${OTHERS_TOO}`,
  )
}
