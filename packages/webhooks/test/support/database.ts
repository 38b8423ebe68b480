import { createTestDatabase } from '@titan/servers/testing'
import { migrate, openDatabase, type Database } from '@titan/payments'
import { afterAll, inject } from 'vitest'

/** A migrated database of its own for one test file, and its URL; call it at the top level and await it. */
export async function createMigratedDatabase(): Promise<{ readonly sql: Database; readonly url: string }> {
  const database = await createTestDatabase(inject('databaseUrl'))
  const sql = openDatabase(database.url)
  await migrate(sql)
  afterAll(async () => {
    await sql.end({ timeout: 5 })
    await database.drop()
  })
  return { sql, url: database.url }
}
