import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test, vi } from 'vitest'
import { identifyProcess } from '../../src/process-identity.ts'
import { startPostgresTrio } from '../../src/topologies/index.ts'
import { createFolder } from '../support/folder.ts'

vi.setConfig({ testTimeout: 120_000 })

test('a frozen primary is replaced without loss, commits nothing afterwards, and joins again', async () => {
  const trio = await startPostgresTrio(createFolder())
  onTestFinished(() => trio.stop())
  const old = await trio.primary()
  const standbys = await trio.standbys()
  expect(standbys).toHaveLength(2)
  await old.query('create table payments as select 1 as id')

  old.freeze()
  expect(old.isUp()).toBe(false)
  const next = await trio.promote(standbys[1])
  expect(next).toBe(standbys[1])
  await next.query('insert into payments values (2)')
  expect(await next.query('select id from payments order by id')).toEqual([{ id: 1 }, { id: 2 }])

  old.thaw()
  expect(await trio.primary()).toBe(next)
  let hasCommitted = false
  const split = old.query('insert into payments values (3)').then(
    () => (hasCommitted = true),
    () => {},
  )
  const waits = `select 1 from pg_stat_activity where wait_event = 'SyncRep'`
  await eventually(async () => expect(await old.query(waits)).toHaveLength(1))
  await trio.rejoin(old)
  await split
  expect(hasCommitted).toBe(false)
  expect(await trio.standbys()).toContain(old)
  await eventually(async () =>
    expect(await old.query('select id from payments order by id')).toEqual([{ id: 1 }, { id: 2 }]),
  )

  const pids = trio.nodes.map((node) => node.pid() ?? 0)
  await trio.stop()
  for (const pid of pids) expect(identifyProcess(pid)).toBeUndefined()
})
