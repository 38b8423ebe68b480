import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { migrate, openDatabase, statementsIn, type Statement } from '@titan/payments'
import { createTestDatabase, type TestDatabase } from './database.ts'

const SQL_FOLDER = fileURLToPath(new URL('../../../sql/', import.meta.url))
const FIXTURE = new URL('../fixtures/before-movements/', import.meta.url)
/** The last migration of the programs that filled the fixture. */
const LAST = '0021'

/** Seals the secrets of the fixture's webhook endpoints. */
export const FILLED_KEY: Uint8Array = new Uint8Array(32).fill(7)

/**
 * Creates a database as the programs of schema 0021 left it: payments in every situation, named by their idempotency keys.
 * The caller migrates it to today's schema, and drops it.
 */
export async function createFilledDatabase(serverUrl: string): Promise<TestDatabase> {
  const database = await createTestDatabase(serverUrl)
  const directory = await mkdtemp(join(tmpdir(), 'titan-sql-'))
  const sql = openDatabase(database.url, { poolSize: 1 })
  try {
    const names = (await readdir(SQL_FOLDER)).filter(
      (name) => /^\d{4}_/.test(name) && name.slice(0, 4) <= LAST,
    )
    for (const name of names) await cp(join(SQL_FOLDER, name), join(directory, name))
    await migrate(sql, { directory })
    await sql`set session_replication_role = replica`
    await sql.unsafe(await readFile(new URL('filled.sql', FIXTURE), 'utf8'))
    return database
  } finally {
    await sql.end({ timeout: 5 })
    await rm(directory, { recursive: true })
  }
}

/** Reads a statement of the programs that filled the fixture, which may still run beside those of today. */
export const earlierStatement: <Row>(name: string) => Statement<Row> = statementsIn(
  new URL('statements/', FIXTURE),
)
