import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { expect, inject, onTestFinished, test, vi } from 'vitest'
import { findFreePort, LOOPBACK } from '../src/ports.ts'
import { providePostgres, startPostgres, type PostgresOptions } from '../src/postgres.ts'
import { clearPostmaster } from '../src/postmaster.ts'
import { identifyProcess } from '../src/process-identity.ts'
import { createTestDatabase, eventually } from '@titan/testkit'
import { createFolder } from './support/folder.ts'
import { takePort } from './support/port.ts'

// Making a cluster is heavy work for a machine that does others beside it.
vi.setConfig({ testTimeout: 120_000 })

async function start(options: PostgresOptions) {
  const server = await startPostgres(options)
  onTestFinished(async () => await server.stop())
  return server
}

async function query(url: string, statement: string): Promise<postgres.Row[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await sql.unsafe(statement)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

test('a second start on the same folder finds the data of the first', async () => {
  const dataDir = createFolder()
  const first = await start({ dataDir })
  await query(first.url, 'create table kept as select 42 as answer')
  await first.stop()

  const second = await start({ dataDir })

  expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }])
})

test('a folder in use is refused', async () => {
  const dataDir = createFolder()
  await start({ dataDir })
  await expect(startPostgres({ dataDir })).rejects.toMatchObject({ code: 'ALREADY_RUNNING' })
})

test('another port is tried when the first is taken', async () => {
  const taken = await takePort()
  const proposals = [taken, await findFreePort()]

  const server = await start({ choosePort: async () => proposals.shift() ?? 0 })

  expect(server.port).not.toBe(taken)
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('a stale postmaster.pid with the id of another process does not keep the server from starting', async () => {
  const dataDir = createFolder()
  const first = await start({ dataDir })
  await first.stop()
  writeFileSync(join(dataDir, 'data', 'postmaster.pid'), `${process.pid}\n`)

  const second = await start({ dataDir })

  expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test.runIf(process.platform === 'linux')('a server that nobody owns any more is ended', async () => {
  const server = await start({ dataDir: createFolder() })
  await clearPostmaster(join(server.dataDir, 'data'))
  expect(existsSync(join(server.dataDir, 'data', 'postmaster.pid'))).toBe(false)
  await eventually(() => identifyProcess(server.pid) === undefined)
})

test('the data of another PostgreSQL version is named, and left alone', async () => {
  const dataDir = createFolder()
  const first = await start({ dataDir })
  await first.stop()
  writeFileSync(join(dataDir, 'data', 'PG_VERSION'), '17\n')
  await expect(startPostgres({ dataDir })).rejects.toMatchObject({
    code: 'POSTGRES_UNAVAILABLE',
    message: expect.stringContaining('contains data of PostgreSQL 17'),
  })
})

test('the server asks for the password and listens on the loopback address only', async () => {
  const server = await start({})
  const wrong = new URL(server.url)
  wrong.password = 'wrong'
  await expect(query(wrong.href, 'select 1')).rejects.toThrow(/password/u)
  expect(await query(server.url, 'show listen_addresses')).toEqual([{ listen_addresses: LOOPBACK }])
})

test('DATABASE_URL wins', async () => {
  const server = await providePostgres({}, { DATABASE_URL: 'postgres://elsewhere/mine' })
  expect(server).toMatchObject({
    url: 'postgres://elsewhere/mine',
    description: 'PostgreSQL from DATABASE_URL',
  })
})

test('a test database is empty and separate', async () => {
  const first = await createTestDatabase(inject('databaseUrl'))
  const second = await createTestDatabase(inject('databaseUrl'))
  await query(first.url, 'create table only_here (id int)')
  expect(await query(second.url, "select 1 from pg_tables where tablename = 'only_here'")).toHaveLength(0)
  await first.drop()
  await second.drop()
  await expect(query(first.url, 'select 1')).rejects.toThrow(/does not exist/u)
})
