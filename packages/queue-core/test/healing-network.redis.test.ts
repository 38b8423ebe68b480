import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { keysOf } from '../src/redis/keys.ts'
import { createGate } from './support/gate.ts'
import { metError, setUpOutage, setUpProxied } from './support/outage.ts'
import { connectClient } from './support/rig.ts'

/** Errors of an outage of some ten seconds: every loop meets it a few times, at growing intervals. */
const BOUNDED = 60
/** Longer than the worker waits for the answer to a read. */
const patience = { timeoutMs: 20_000 }

// F34
test('a server that hangs is noticed, and worked on when it goes on', async () => {
  const outage = await setUpOutage()
  const { server, rig } = outage
  const producer = rig.produce()
  await eventually(() => expect(rig.runs.size).toBeGreaterThan(50))
  server.freeze()
  const unanswered = rig.queue
    .enqueue('work', 'unanswered', { id: 'unanswered' })
    .catch((error: unknown) => error)
  await eventually(() => expect(metError(outage, 'NO_REPLY', 'read')).toBe(true), patience)
  expect(rig.worker.health().sinceReplyMs).toBeGreaterThan(8_000)
  expect(rig.errors().length).toBeLessThan(BOUNDED)
  // A producer is told as well. It cannot know whether the job was added, so it adds it again by the same id.
  expect(await unanswered).toMatchObject({ code: 'NO_REPLY' })
  server.thaw()
  await rig.works()
  expect(await rig.queue.enqueue('work', 'unanswered', { id: 'unanswered' })).toMatchObject({
    duplicate: true,
  })
  await producer.stop()
  await rig.allDone()
  expect(rig.runs.get('unanswered')).toBe(1)
  expect(rig.worker.health().sinceReplyMs).toBeLessThan(3_000)
}, 60_000)

// F34 `CLIENT PAUSE`, a Redis that hangs, `SCRIPT FLUSH`: work continues, scripts are loaded again
test('clients that are paused for long are worked on when the pause is over', async () => {
  const { server, rig } = await setUpOutage()
  await rig.works()
  await server.admin('CLIENT', 'PAUSE', 12_000, 'ALL')
  const producer = rig.produce()
  await rig.works(30_000)
  await producer.stop()
  await rig.allDone()
  expect(rig.errors().length).toBeLessThan(BOUNDED)
}, 60_000)

test('killed connections are replaced again and again, and no job is lost', async () => {
  const { server, rig } = await setUpOutage()
  const producer = rig.produce()
  const rounds = 10
  for (let round = 1; round <= rounds; round++) {
    const before = rig.runs.size
    await eventually(() => expect(rig.runs.size).toBeGreaterThan(before + 10))
    await server.admin('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  }
  await rig.works()
  await producer.stop()
  await rig.allDone()
  expect(rig.errors().length).toBeLessThan(rounds * 10)
})

// F33
test('connections that fell silent are noticed by every duty of the worker', async () => {
  const outage = await setUpProxied({ worker: { visibilityMs: 5_000 } })
  const { rig, proxy } = outage
  const gate = createGate()
  rig.hold = gate.opened
  await rig.enqueue(1)
  await eventually(() => expect(rig.worker.running).toBe(1))
  // The old connections stay silent for ever, new ones pass.
  await proxy.set({ type: 'silence' })
  await proxy.set()
  await rig.queue.enqueue('work', 'late', { id: 'late', delayMs: 1 })
  await eventually(() => expect(rig.runs.get('late')).toBe(1), patience)
  await rig.queue.pause()
  await eventually(() => expect(rig.worker.health().paused).toBe(true), patience)
  await rig.queue.resume()
  gate.open()
  await rig.allDone()
  // The lease of the running job was renewed over a new connection in time.
  expect([...rig.runs.values()]).toEqual([1, 1])
  await eventually(() => expect(rig.worker.counters).toMatchObject({ completed: 2, leasesLost: 0 }))
}, 60_000)

test('what ends while the network is cut is stored when it is back', async () => {
  const outage = await setUpProxied({ worker: { visibilityMs: 30_000 } })
  const { rig, proxy } = outage
  const gate = createGate()
  rig.hold = gate.opened
  await rig.enqueue(3)
  await eventually(() => expect(rig.worker.running).toBe(3))
  await proxy.set({ type: 'silence' })
  gate.open()
  await eventually(() => expect(metError(outage, 'NO_REPLY', 'read')).toBe(true), patience)
  expect(rig.worker.health()).toMatchObject({ running: 0, settling: 3 })
  expect(rig.errors().length).toBeLessThan(BOUNDED)
  await proxy.set()
  await rig.works()
  await eventually(() => expect(rig.worker.counters.completed).toBe(4), patience)
  expect([...rig.runs.values()].every((count) => count === 1)).toBe(true)
}, 60_000)

test('a run whose lease cannot be renewed is aborted before another worker begins it', async () => {
  const visibilityMs = 10_000
  const lost = Promise.withResolvers<void>()
  const { server, rig, proxy } = await setUpProxied({
    worker: { visibilityMs, onEvent: ({ type }) => type === 'leaseLost' && lost.resolve() },
  })
  const observer = await connectClient(server.url)
  onTestFinished(() => observer.destroy())
  const gate = createGate()
  rig.hold = gate.opened
  await rig.enqueue(1)
  await eventually(() => expect(rig.worker.running).toBe(1))
  await proxy.set({ type: 'silence' })
  await lost.promise
  const [pending] = await observer.send<[id: string, consumer: string, idleMs: number][]>(
    'XPENDING',
    keysOf(rig.prefix, 'q').streams[1],
    'workers',
    '-',
    '+',
    1,
  )
  expect(pending?.[2]).toBeLessThan(visibilityMs)
  gate.open()
  await proxy.set()
  await rig.allDone(40_000)
  expect([...rig.runs.values()]).toEqual([2])
}, 90_000)

test('a job whose delivery was lost on its way comes back long before its visibility timeout', async () => {
  const { server, rig, proxy } = await setUpProxied({ worker: { visibilityMs: 3_600_000 } })
  await rig.works()
  // The read that waits at the server takes the job, and its reply is swallowed.
  await eventually(async () => {
    expect(await server.admin('CLIENT', 'LIST')).toMatch(/ idle=0 flags=b .* cmd=xreadgroup /)
  })
  await proxy.set({ type: 'silence' })
  await proxy.set()
  await rig.enqueue(1)
  expect(await rig.queue.stats()).toMatchObject({ ready: 0, leased: 1 })
  await rig.allDone(50_000)
}, 60_000)
