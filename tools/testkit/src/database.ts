import { randomBytes } from 'node:crypto'
import { migrate, openDatabase, type DatabaseOptions } from '@titan/payments'
import postgres from 'postgres'

/** A database of one test. */
export type TestDatabase = Awaited<ReturnType<typeof createTestDatabase>>

/** A database with the project's tables, and a pool of connections to it. */
export type MigratedDatabase = Awaited<ReturnType<typeof openMigratedDatabase>>

/**
 * Creates a database with a unique name on the server of `serverUrl`: an empty one, or a copy of `template`, to which no one
 * may be connected.
 */
export async function createTestDatabase(serverUrl: string, template?: { readonly url: string }) {
  const name = `titan_test_${randomBytes(6).toString('hex')}`
  const source = template === undefined ? 'template0' : new URL(template.url).pathname.slice(1)
  await execute(serverUrl, `create database ${name} template ${source}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return {
    url: url.href,
    /** Closes the connections to it and removes it. Idempotent. */
    drop: () => execute(serverUrl, `drop database if exists ${name} with (force)`),
  }
}

/** Creates a database with the project's tables, which the caller drops. */
export async function openMigratedDatabase(serverUrl: string, options: DatabaseOptions = {}) {
  const database = await createTestDatabase(serverUrl)
  const sql = openDatabase(database.url, options)
  await migrate(sql)
  return {
    sql,
    url: database.url,
    /** Closes the pool and removes the database. */
    async drop() {
      await sql.end({ timeout: 5 })
      await database.drop()
    },
  }
}

async function execute(serverUrl: string, statement: string) {
  const sql = postgres(serverUrl, { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** Returns a unique prefix for Redis keys, for tests that share one server. */
export function testPrefix() {
  return `test-${randomBytes(6).toString('hex')}`
}
