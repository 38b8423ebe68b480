import { createTestDatabase } from '@titan/local/testing'
import { afterAll, inject } from 'vitest'
import { migrate, openDatabase, type Database } from '../../src/index.ts'

/** A migrated database of its own for one test file; call it at the top level and await it. */
export async function createMigratedDatabase(): Promise<{ readonly sql: Database; readonly url: string }> {
  const database = await createTestDatabase(inject('databaseUrl'))
  const sql = openDatabase(database.url)
  afterAll(async () => {
    await sql.end({ timeout: 5 })
    await database.drop()
  })
  await migrate(sql)
  return { sql, url: database.url }
}
