import { eventually } from '@titan/testkit'
import { expect, test } from 'vitest'
import { createWorker } from '../src/index.ts'
import { createGate } from './support/gate.ts'
import { setUpOutage, type Outage } from './support/outage.ts'
import type { RigJobs } from './support/rig.ts'

/** Errors of an outage of some seconds: every loop meets it a few times, at growing intervals. */
const BOUNDED = 60

/** Waits until the worker says itself that it is cut off, and long enough for a hot loop to show. */
async function feelOutage({ rig }: Outage): Promise<void> {
  await eventually(() => expect(rig.worker.health().sinceReplyMs).toBeGreaterThan(3_000))
  expect(rig.errors().length).toBeLessThan(BOUNDED)
}

async function feelRecovery({ rig }: Outage): Promise<void> {
  await rig.works()
  const { state, sinceReplyMs } = rig.worker.health()
  expect(state).toBe('running')
  expect(sinceReplyMs).toBeLessThan(3_000)
}

// F28 SIGKILL of Redis, with and without its data afterwards: no loss
test('a killed server that comes back with its data loses no acknowledged job', async () => {
  const outage = await setUpOutage({ persistent: true })
  const { server, rig } = outage
  const producer = rig.produce()
  await eventually(() => expect(rig.runs.size).toBeGreaterThan(50))
  await server.kill()
  await feelOutage(outage)
  await server.start()
  await feelRecovery(outage)
  await producer.stop()
  await rig.allDone()
})

test('a server that is restarted in good order loses no acknowledged job', async () => {
  const outage = await setUpOutage({ persistent: true })
  const { server, rig } = outage
  const producer = rig.produce()
  const rounds = 3
  for (let round = 1; round <= rounds; round++) {
    const before = rig.runs.size
    await eventually(() => expect(rig.runs.size).toBeGreaterThan(before + 20))
    await server.stop()
    await server.start()
  }
  await feelRecovery(outage)
  await producer.stop()
  await rig.allDone()
  expect(rig.errors().length).toBeLessThan(rounds * BOUNDED)
})

test('a job that runs through a restart is stored as done by the worker that ran it', async () => {
  const outage = await setUpOutage({ persistent: true, worker: { visibilityMs: 10_000 } })
  const { server, rig } = outage
  const gate = createGate()
  rig.hold = gate.opened
  await rig.enqueue(3)
  await eventually(() => expect(rig.worker.running).toBe(3))
  await server.kill()
  await server.start()
  gate.open()
  await rig.allDone()
  expect([...rig.runs.values()]).toEqual([1, 1, 1])
  await eventually(() => expect(rig.worker.counters).toMatchObject({ completed: 3, leasesLost: 0 }))
})

test('jobs that end during an outage are stored when the server is back', async () => {
  const outage = await setUpOutage({ persistent: true, worker: { visibilityMs: 30_000 } })
  const { server, rig } = outage
  const gate = createGate()
  rig.hold = gate.opened
  await rig.enqueue(5)
  await eventually(() => expect(rig.worker.running).toBe(5))
  await server.kill()
  gate.open()
  await feelOutage(outage)
  expect(rig.worker.health().settling).toBe(5)
  await server.start()
  await eventually(() => expect(rig.worker.counters.completed).toBe(5))
  await rig.allDone()
  expect([...rig.runs.values()].every((count) => count === 1)).toBe(true)
})

test('a server that comes back empty is worked on at once', async () => {
  const outage = await setUpOutage()
  const { server, rig } = outage
  await rig.works()
  await server.kill()
  await feelOutage(outage)
  await server.start()
  await feelRecovery(outage)
  expect(rig.events.filter((event) => event.type === 'groupCreated')).toHaveLength(1)
})

test('a server that loads its data is waited for, by a running worker and by one that starts', async () => {
  const outage = await setUpOutage({ persistent: true })
  const { server, rig, redis } = outage
  await server.admin('DEBUG', 'POPULATE', 3_000)
  await server.admin('BGREWRITEAOF')
  await eventually(async () =>
    expect(await server.admin('INFO', 'persistence')).toMatch(
      /aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0/,
    ),
  )
  await server.kill()
  // Reading each key is slowed down, with a look at the clients in between.
  const started = server.start('--key-load-delay', '1000', '--loading-process-events-interval-bytes', '1024')
  const texts = (): string[] => rig.errors().map(({ error }) => String(error))
  await eventually(() => expect(texts()).toContainEqual(expect.stringContaining('LOADING')))
  const another = createWorker<RigJobs>(redis, 'q', { work: () => undefined }, { prefix: rig.prefix })
  await another.start()
  await another.stop()
  await started
  await feelRecovery(outage)
  expect(rig.errors().length).toBeLessThan(BOUNDED)
})
