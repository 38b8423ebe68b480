import { textOf } from '@titan/queue-core/text-of'
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Database, Queryable } from './database.ts'
import { PaymentsError } from '../domain/errors.ts'

/** Options of {@link migrate}. */
export interface MigrateOptions {
  /** Folder of the numbered files. @default the project's `sql/` */
  readonly directory?: string
}

const DIRECTORY = fileURLToPath(new URL('../../../../sql/', import.meta.url))

interface Migration {
  readonly name: string
  readonly text: string
  readonly checksum: string
}

/** Any number will do, as long as every program of this project uses the same. */
const LOCK = 7_414_206

/**
 * Applies the migrations that are missing, in order, each in one transaction under an advisory lock, so that any
 * number of programs may start at once. Answers the names of those it applied.
 *
 * @throws {PaymentsError} `MIGRATION_CHANGED` when an applied file was edited, `MIGRATION_OUT_OF_ORDER` when a file
 * was put before an applied one, `MIGRATION_FAILED` with the database's error as cause
 */
export async function migrate(sql: Database, options: MigrateOptions = {}): Promise<string[]> {
  const migrations = await readMigrations(options.directory ?? DIRECTORY)
  const applied: string[] = []
  for (const migration of migrations) if (await apply(sql, migration)) applied.push(migration.name)
  return applied
}

/** The names of all migrations, in order. */
export async function migrationNames(options: MigrateOptions = {}): Promise<string[]> {
  return (await readMigrations(options.directory ?? DIRECTORY)).map(({ name }) => name)
}

/** The names of the migrations that {@link migrate} would apply. Reads only. */
export async function missingMigrations(sql: Database, options: MigrateOptions = {}): Promise<string[]> {
  const names = await migrationNames(options)
  const [table] = await sql<
    { exists: boolean }[]
  >`select to_regclass('schema_migrations') is not null as exists`
  if (table?.exists !== true) return names
  const applied = await sql<{ name: string }[]>`select name from schema_migrations`
  return names.filter((name) => !applied.some((row) => row.name === name))
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{4}_.+\.sql$/.test(name)).toSorted()
  for (const [index, name] of names.entries()) {
    if (name.slice(0, 4) === names[index - 1]?.slice(0, 4))
      throw new PaymentsError(
        'MIGRATION_OUT_OF_ORDER',
        `Migrations ${names[index - 1]} and ${name} have the same number`,
      )
  }
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(directory, name), 'utf8')
      return {
        name,
        text,
        checksum: createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex'),
      }
    }),
  )
}

async function apply(sql: Database, { name, text, checksum }: Migration): Promise<boolean> {
  return sql.begin(async (transaction) => {
    // Others may be migrating for longer than a statement may wait.
    await transaction`select set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true)`
    await transaction`select pg_advisory_xact_lock(${LOCK})`
    if (await isApplied(transaction, name, checksum)) return false
    try {
      await transaction.unsafe(text)
    } catch (error) {
      throw new PaymentsError(
        'MIGRATION_FAILED',
        `Migration ${name} failed and changed nothing: ${textOf(error)}`,
        { cause: error },
      )
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
