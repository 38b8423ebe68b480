import postgres from 'postgres'
import { createClient } from 'redis'
import { expect, inject, test } from 'vitest'
import { createTestDatabase, testPrefix } from '../src/testing.ts'

test('a test database is empty and of its own', async () => {
  const first = await createTestDatabase(inject('databaseUrl'))
  const second = await createTestDatabase(inject('databaseUrl'))
  const sql = postgres(first.url, { max: 1 })
  await sql`create table only_here (id int)`
  await sql.end()
  const other = postgres(second.url, { max: 1 })
  const tables = await other`select 1 from pg_tables where tablename = 'only_here'`
  await other.end()
  expect(first.url).not.toBe(second.url)
  expect(tables).toHaveLength(0)
  await first.drop()
  await second.drop()
})

test('the provided Redis answers', async () => {
  const client = await createClient({ url: inject('redisUrl') }).connect()
  const key = `${testPrefix()}:greeting`
  await client.set(key, 'hello')
  expect(await client.get(key)).toBe('hello')
  await client.del(key)
  await client.close()
})
