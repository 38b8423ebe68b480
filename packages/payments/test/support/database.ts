import { createTestDatabase } from '@titan/servers/testing'
import { afterAll, inject } from 'vitest'
import { migrate, openDatabase, type Database } from '../../src/index.ts'

/** A migrated database and a pool to it. */
export interface MigratedDatabase {
  readonly sql: Database
  readonly url: string
  /** Closes the pool and removes the database. */
  drop(): Promise<void>
}

/** A migrated database that its caller drops. */
export async function openMigratedDatabase(): Promise<MigratedDatabase> {
  const database = await createTestDatabase(inject('databaseUrl'))
  const sql = openDatabase(database.url)
  await migrate(sql)
  return {
    sql,
    url: database.url,
    async drop() {
      await sql.end({ timeout: 5 })
      await database.drop()
    },
  }
}

/** A migrated database of its own for one test file; call it at the top level and await it. */
export async function createMigratedDatabase(): Promise<Omit<MigratedDatabase, 'drop'>> {
  const database = await openMigratedDatabase()
  afterAll(() => database.drop())
  return database
}
