import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startPostgresTrio } from '@titan/servers/topologies'
import { createTestDatabase, eventually } from '@titan/testkit'
import { createFolder } from '@titan/testkit/vitest'
import { expect, inject, onTestFinished, test } from 'vitest'
import {
  createPaymentStore,
  createWriteProbe,
  describeServers,
  migrate,
  openDatabase,
  type Database,
} from '../src/index.ts'
import { startMember } from './support/members.ts'
import { newKey } from './support/payments.ts'

function open(url: string, poolSize: number): Database {
  const pool = openDatabase(url, { poolSize })
  onTestFinished(() => pool.end({ timeout: 0 }))
  return pool
}

// F315 a real primary with two synchronous standbys is frozen, a standby is promoted, and the old primary runs again: nothing
//  that was accepted is lost, and no statement reaches the old primary any more
test('of real servers the promoted one is used, and not the old primary', { timeout: 120_000 }, async () => {
  const trio = await startPostgresTrio(createFolder())
  onTestFinished(() => trio.stop())
  const [pool, owner] = [open(trio.url, 4), open(trio.url, 1)]
  await migrate(owner)
  const store = createPaymentStore(pool)
  const accepted: string[] = []
  const create = async (): Promise<void> => {
    const answer = await store.create({ amount: 1, idempotencyKey: newKey() })
    if (answer.kind === 'created') accepted.push(answer.payment.id)
  }
  await Promise.all(Array.from({ length: 20 }, create))
  const old = await trio.primary()
  old.freeze()
  const inFlight = Promise.allSettled(Array.from({ length: 20 }, create))
  const promoted = await trio.promote()
  await inFlight
  await eventually(create)
  await createWriteProbe(pool)()
  old.thaw()
  await Promise.all(Array.from({ length: 20 }, create))
  const rows = await promoted.query<{ id: string }>('select id from payments')
  expect(rows.map(({ id }) => id)).toEqual(expect.arrayContaining(accepted))
  const name = (port: number): string => `127.0.0.1:${port}`
  const roles = (await describeServers(pool)).map(({ role, text }) => [text.split(' ')[0], role])
  expect(Object.fromEntries(roles)).toEqual({
    ...Object.fromEntries(trio.nodes.map(({ port }) => [name(port), 'standby'])),
    [name(promoted.port)]: 'primary',
    [name(old.port)]: 'old primary',
  })
})

test('a failover during migrations changes nothing, and they can be repeated', async () => {
  const database = await createTestDatabase(inject('databaseUrl'))
  onTestFinished(() => database.drop())
  const [first, second] = [
    await startMember(database.url),
    await startMember(database.url, { isStandby: true }),
  ]
  const url = new URL(database.url)
  const sql = open(database.url.replace(url.host, `127.0.0.1:${first.port},127.0.0.1:${second.port}`), 1)
  const directory = join(createFolder(), 'sql')
  mkdirSync(directory)
  writeFileSync(join(directory, '0001_first.sql'), 'create table first (id int)')
  writeFileSync(join(directory, '0002_second.sql'), 'create table second (id int); select pg_sleep(1)')
  const migrated = migrate(sql, { directory })
  migrated.catch(() => undefined)
  const watcher = open(database.url, 1)
  await eventually(async () => {
    const rows = await watcher`
      select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`
    return rows.length > 0
  })
  first.close()
  Object.assign(second, { isStandby: false, timeline: 2 })
  await expect(migrated).rejects.toMatchObject({
    code: expect.stringMatching(/MIGRATION_FAILED|CONNECTION_CLOSED/),
  })
  expect(await eventually(() => migrate(sql, { directory }))).toEqual(['0002_second.sql'])
})
