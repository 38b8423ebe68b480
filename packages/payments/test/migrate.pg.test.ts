import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createTestDatabase, eventually, type TestDatabase } from '@titan/testkit'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { createPaymentStore, migrate, missingMigrations, openDatabase, type Database } from '../src/index.ts'

const SQL_FOLDER = fileURLToPath(new URL('../../../sql/', import.meta.url))

let database: TestDatabase
let sql: Database
let directory: string

beforeEach(async () => {
  database = await createTestDatabase(inject('databaseUrl'))
  sql = openDatabase(database.url)
  directory = await mkdtemp(join(tmpdir(), 'titan-sql-'))
  await cp(SQL_FOLDER, directory, { recursive: true })
})

afterEach(async () => {
  await sql.end({ timeout: 5 })
  await database.drop()
  await rm(directory, { recursive: true })
})

/** The folder also holds what is no migration: the invariants, and the grants of the programs' role. */
async function migrationFiles(): Promise<string[]> {
  return (await readdir(directory)).filter((name) => /^\d{4}_/.test(name)).toSorted()
}

test('every file is applied in order, once', async () => {
  const files = await migrationFiles()
  expect(await migrate(sql, { directory })).toEqual(files)
  expect(await migrate(sql, { directory })).toEqual([])
})

// F24
test('programs that start together apply each file once', async () => {
  const others = [openDatabase(database.url), openDatabase(database.url)]
  try {
    const applied = await Promise.all([sql, ...others].map((one) => migrate(one, { directory })))
    const names = applied.flat()
    expect(new Set(names).size).toBe(names.length)
    expect(names.toSorted()).toEqual(await migrationFiles())
  } finally {
    await Promise.all(others.map((one) => one.end({ timeout: 5 })))
  }
})

test('an applied file that was edited is refused by name', async () => {
  await migrate(sql, { directory })
  await writeFile(join(directory, '0002_payment_attempts.sql'), 'select 1;')
  await expect(migrate(sql, { directory })).rejects.toMatchObject({
    code: 'MIGRATION_CHANGED',
    message: expect.stringContaining('0002_payment_attempts.sql was edited'),
  })
})

test('a file with another line ending is the same file', async () => {
  await migrate(sql, { directory })
  const file = join(directory, '0003_payment_events.sql')
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll('\n', '\r\n'))
  expect(await migrate(sql, { directory })).toEqual([])
})

test('a file that comes before an applied one is refused', async () => {
  await migrate(sql, { directory })
  await writeFile(join(directory, '0000_early.sql'), 'select 1;')
  await expect(migrate(sql, { directory })).rejects.toMatchObject({ code: 'MIGRATION_OUT_OF_ORDER' })
})

test('two files of one number are refused', async () => {
  await writeFile(join(directory, '0001_again.sql'), 'select 1;')
  await expect(migrate(sql, { directory })).rejects.toMatchObject({ code: 'MIGRATION_OUT_OF_ORDER' })
})

test('a file that fails changes nothing', async () => {
  await migrate(sql, { directory })
  await writeFile(join(directory, '9000_broken.sql'), 'create table half (id int); select broken;')
  await expect(migrate(sql, { directory })).rejects.toMatchObject({ code: 'MIGRATION_FAILED' })
  expect(await sql`select to_regclass('half') as half`).toMatchObject([{ half: null }])
})

// F24 a migration while programs of the previous version run: additive columns only; those programs are
//  not run
test('a migration lets others pass and begins again after a deadlock, and after waiting for a table', async () => {
  await migrate(sql, { directory })
  await writeFile(join(directory, '9001_locks.sql'), 'lock table webhook_feed; lock table payments;')
  const program = openDatabase(database.url, { poolSize: 1 })
  try {
    const patient = await program.begin(async (transaction) => {
      await transaction`lock table payments in row exclusive mode`
      const impatient = migrate(sql, { directory, lockTries: 1 })
      await expect(impatient).rejects.toMatchObject({ code: 'MIGRATION_FAILED', cause: { code: '55P03' } })
      const begun = { migrated: migrate(sql, { directory }) }
      await eventually(async () => {
        const rows = await transaction`
          select from pg_locks where not granted and relation = 'payments'::regclass and mode = 'AccessExclusiveLock'`
        return rows.length === 1
      })
      await transaction`lock table webhook_feed in row exclusive mode`
      return begun
    })
    expect(await patient.migrated).toEqual(['9001_locks.sql'])
  } finally {
    await program.end({ timeout: 5 })
  }
})

test('a table as first published keeps its rows and gets its columns', async () => {
  await sql`
    create table payments (
      id text primary key, amount bigint not null, status text not null, idempotency_key text unique not null)`
  await sql`insert into payments values ('pay_old', 700, 'SUCCESS', 'old-key')`
  await migrate(sql, { directory })
  const store = createPaymentStore(sql)
  expect(await store.get('pay_old')).toMatchObject({
    amount: 700,
    currency: 'USD',
    status: 'SUCCESS',
    fence: 0,
  })
  expect(await store.create({ amount: 700, idempotencyKey: 'old-key' })).toMatchObject({ kind: 'replayed' })
  expect(await store.create({ amount: 701, idempotencyKey: 'old-key' })).toEqual({ kind: 'mismatch' })
})

test('what is missing is told without being applied', async () => {
  const files = await migrationFiles()
  expect(await missingMigrations(sql, { directory })).toEqual(files)
  await migrate(sql, { directory })
  await writeFile(join(directory, '9999_later.sql'), 'select 1')

  expect(await missingMigrations(sql, { directory })).toEqual(['9999_later.sql'])
  expect(await missingMigrations(sql, { directory })).toEqual(['9999_later.sql'])
})

// The storage of history changes under programs that run, before their rights are granted again: they read and
//  insert under the former name
test('programs of the version before keep their rights to the events', async () => {
  const later = (await migrationFiles()).filter((name) => name >= '0022')
  await Promise.all(later.map((name) => rm(join(directory, name))))
  await migrate(sql, { directory })
  const role = `titan_app_${new URL(database.url).pathname.slice(-12)}`
  await sql.unsafe(`create role ${role}`)
  try {
    await sql.unsafe(`grant select, insert on payment_events to ${role}`)
    await migrate(sql)
    const [rights] = await sql`
      select has_table_privilege(${role}, 'payment_events', 'select') as reads,
             has_table_privilege(${role}, 'payment_events', 'insert') as inserts,
             has_table_privilege(${role}, 'payment_events', 'update') as more,
             has_table_privilege(${role}, 'payment_event_rows', 'insert') as rows`
    expect(rights).toEqual({ reads: true, inserts: true, more: false, rows: true })
  } finally {
    await sql.unsafe(`drop owned by ${role}`)
    await sql.unsafe(`drop role ${role}`)
  }
})
