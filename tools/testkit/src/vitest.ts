import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseOptions } from '@titan/payments'
import { createClient } from 'redis'
import { afterAll, inject, onTestFinished } from 'vitest'
import { openMigratedDatabase } from './database.ts'
import { spawnScript } from './spawn.ts'
import { startTcpProxy } from './tcp-proxy.ts'

/** The client of the tests, the same as the programs'. */
export type TestRedis = ReturnType<typeof createClient>

/** Creates a migrated database that ends with the test file. Call it at the top level and await it. */
export async function createMigratedDatabase(options?: DatabaseOptions) {
  const database = await openMigratedDatabase(inject('databaseUrl'), options)
  afterAll(() => database.drop())
  return database
}

/**
 * Creates the same, for tests that count what statements read: no background process of the server reads its tables, and the
 * one connection has reported its own reads when it is asked (`pg_stat_force_next_flush`).
 */
export async function createQuietDatabase() {
  const database = await createMigratedDatabase({ poolSize: 1 })
  await database.sql`
    do $$
    declare one regclass;
    begin
      for one in select oid from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace loop
        execute format('alter table %s set (autovacuum_enabled = off)', one);
      end loop;
      for one in select oid from pg_class where 'autosummarize=on' = any (reloptions) loop
        execute format('alter index %s set (autosummarize = off)', one);
      end loop;
    end $$`
  return database
}

/** Connects to Redis until the test file ends. Call it at the top level and await it. */
export async function connectRedis(url: string = inject('redisUrl')): Promise<TestRedis> {
  const client: TestRedis = createClient({ url })
  // Tests stop servers on purpose; the client reconnects.
  client.on('error', () => {})
  await client.connect()
  afterAll(() => client.destroy())
  return client
}

/** A client of a single server as programs hold it. */
export function redisOf<Client extends { sendCommand<Reply>(args: string[]): Promise<Reply> }>(
  client: Client,
) {
  const send = <Reply>(args: string[]): Promise<Reply> => client.sendCommand<Reply>(args)
  return {
    client,
    send: <Reply>(_key: string, args: string[]): Promise<Reply> => send<Reply>(args),
    masters: () => Promise.resolve([{ name: 'test', send }]),
  }
}

/** Creates a temporary folder that is removed when the test ends. */
export function createFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'titan-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs a script until the test ends. */
export function runScript(...args: Parameters<typeof spawnScript>) {
  const program = spawnScript(...args)
  onTestFinished(() => program.kill())
  return program
}

/** Starts a TCP proxy that ends with the test. */
export async function openTcpProxy(...args: Parameters<typeof startTcpProxy>) {
  const proxy = await startTcpProxy(...args)
  onTestFinished(() => proxy.close())
  return proxy
}
