import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import * as broker from '../src/redis/commands.ts'
import { settle, type Settlement } from '../src/redis/settle.ts'
import type { Fence, Job, JobContext } from '../src/index.ts'
import { isEarlier } from '../src/model/fence.ts'
import { createGate, untilAborted } from './support/gate.ts'
import { test, type Place } from './support/place.ts'

const OWNER = { group: 'workers', dedupeMs: 60_000, visibilityMs: 1_000 }

async function claim(place: Place, consumer: string): Promise<broker.Claimed> {
  await broker.createGroup(place.part, 'workers')
  const levels = await broker.read(place.part, { group: 'workers', consumer }, [0, 1, 2], 1, 0)
  const [lease] = levels.flat()
  if (lease === undefined) throw new Error('nothing to claim')
  return lease
}

function settlementOn(lease: broker.Claimed, verb: Settlement['verb']): Settlement {
  const { dedupe, id, orderingKey } = lease.job?.meta ?? {}
  return {
    verb,
    level: lease.level,
    fence: lease,
    id: id ?? lease.entryId,
    dedupe: dedupe === 1,
    orderingKey: orderingKey ?? '',
    first: verb === 'retry' ? '1000' : '{}',
    second: JSON.stringify({ ...lease.job?.meta, failures: 1 }),
  }
}

/** Every key of the queue with what is in it. */
async function snapshot({ send, keys }: Place): Promise<unknown[]> {
  const streams = await Promise.all(
    [...keys.streams, keys.dlq].map((stream) => send('XRANGE', stream, '-', '+')),
  )
  const pending = await Promise.all(
    keys.streams.map(async (stream) => {
      const rows = await send<[string, string, number, number][]>('XPENDING', stream, 'workers', '-', '+', 99)
      return rows.map(([id, consumer, _idle, count]) => [id, consumer, count])
    }),
  )
  return [
    streams,
    pending,
    await send('ZRANGE', keys.delayed, 0, -1),
    await send('HGETALL', keys.live),
    await send('HGETALL', keys.ordering),
    await send('ZRANGE', keys.parked, 0, -1),
    await send('EXISTS', keys.processed('mine')),
  ]
}

describe('a worker that lost its lease changes nothing', () => {
  const verbs = ['ack', 'retry', 'dead', 'release'] as const
  const takers = {
    'to another consumer': (place: Place, { entryId }: Fence) =>
      place.send('XCLAIM', place.keys.streams[1], 'workers', 'other', 0, entryId),
    'and got the job once more': (place: Place, { entryId }: Fence) =>
      place.send('XCLAIM', place.keys.streams[1], 'workers', 'me', 0, entryId),
    'as the job was done': (place: Place, { entryId }: Fence) =>
      place.send('XACK', place.keys.streams[1], 'workers', entryId),
  }
  const options = [{}, { id: 'mine', orderingKey: 'k' }]
  const cases = verbs.flatMap((verb) =>
    Object.entries(takers).flatMap(([how, take]) => options.map((option) => ({ verb, how, take, option }))),
  )

  test.for(cases)('by $verb, $how ($option)', async ({ verb, take, option }, { place }) => {
    const queue = place.createQueue()
    await queue.enqueueMany(
      [1, 2].map((data) => ({ name: 'work' as const, data, ...(data === 1 ? option : {}) })),
    )
    const lease = await claim(place, 'me')
    await take(place, lease)
    const before = await snapshot(place)
    const owner = { ...OWNER, consumer: 'me' }
    const reply = await settle(place.part, owner, [settlementOn(lease, verb)])
    expect([...reply.lost]).toEqual([0])
    expect(await snapshot(place)).toEqual(before)
  })

  test('by renewing, and is told', async ({ place }) => {
    await place.createQueue().enqueueMany([1, 2].map((data) => ({ name: 'work' as const, data })))
    const [lost, kept] = [await claim(place, 'me'), await claim(place, 'me')]
    await place.send('XCLAIM', place.keys.streams[1], 'workers', 'other', 0, lost.entryId)
    const before = await snapshot(place)
    const owner = { ...OWNER, consumer: 'me' }
    const leases = [lost, kept].map((lease) => ({ ...lease, idleMs: 0 }))
    const reply = await broker.renew(place.part, owner, leases)
    expect(reply.lost).toEqual([0])
    expect(await snapshot(place)).toEqual(before)
  })
})

test('of many verdicts in one step each is judged alone', async ({ place }) => {
  await place.createQueue().enqueueMany([0, 1, 2, 3, 4, 5].map((data) => ({ name: 'work' as const, data })))
  const leases: broker.Claimed[] = []
  for (let n = 0; n < 6; n++) leases.push(await claim(place, 'me'))
  const take = (n: number): Promise<unknown> =>
    place.send('XCLAIM', place.keys.streams[1], 'workers', 'other', 0, leases[n]?.entryId ?? '')
  await take(1)
  await take(4)
  const verbs = ['ack', 'ack', 'retry', 'dead', 'release', 'release'] as const
  const reply = await settle(
    place.part,
    { ...OWNER, consumer: 'me' },
    leases.map((lease, n) => settlementOn(lease, verbs[n] ?? 'ack')),
  )
  expect([...reply.lost].toSorted((a, b) => a - b)).toEqual([1, 4])
  expect(await place.createQueue().stats()).toMatchObject({ leased: 2, ready: 1, delayed: 1, dead: 1 })
})

describe('a running job whose lease is taken', () => {
  test('is told by its signal, and its result is void', async ({ place }) => {
    const queue = place.createQueue()
    const reasons: unknown[] = []
    const work = async (_job: Job, { signal }: JobContext): Promise<void> => {
      await untilAborted(signal).catch((reason: unknown) => reasons.push(reason))
    }
    const worker = await place.startWorker({ work }, { visibilityMs: 300 })
    await queue.enqueue('work', 1)
    const { entryId } = (await eventually(() => place.eventsOf('started')[0] ?? false)).job
    await place.send('XCLAIM', place.keys.streams[1], 'workers', 'other', 0, entryId)
    await eventually(() => reasons.length === 1)
    expect(reasons).toEqual([expect.objectContaining({ name: 'QueueError', code: 'LEASE_LOST' })])
    await eventually(() => worker.counters.leasesLost === 1)
    expect(place.eventsOf('leaseLost')).toHaveLength(1)
    expect(place.eventsOf('completed')).toEqual([])
    expect(await queue.stats()).toMatchObject({ leased: 1 })
  })

  test('and that ends before it hears of that is told by the answer', async ({ place }) => {
    const gate = createGate()
    const worker = await place.startWorker({ work: () => gate.opened })
    await place.createQueue().enqueue('work', 1)
    const { entryId } = (await eventually(() => place.eventsOf('started')[0] ?? false)).job
    await place.send('XCLAIM', place.keys.streams[1], 'workers', 'other', 0, entryId)
    gate.open()
    await eventually(() => worker.counters.leasesLost === 1)
    expect(place.eventsOf('leaseLost')).toHaveLength(1)
    expect(worker.counters.completed).toBe(0)
  })
})

test('the fence of a job grows over deliveries, releases and attempts, without end', async ({ place }) => {
  const queue = place.createQueue()
  const fences: Fence[] = []
  const crash = async (entryId: string): Promise<void> => {
    await place.send('XCLAIM', place.keys.streams[1], 'workers', 'dead', 0, entryId)
  }
  const work = async ({ attempt }: Job, { fence, signal }: JobContext): Promise<void> => {
    fences.push(fence)
    if (attempt > 2) return
    if (fences.length % 3 === 0) throw new Error('boom')
    await untilAborted(signal)
  }
  await queue.enqueue('work', 1)
  for (let n = 1; ; n++) {
    const worker = await place.startWorker({ work }, { visibilityMs: 300, backoff: () => 1, maxCrashes: 9 })
    const isDone = (): boolean => place.eventsOf('completed').length > 0
    await eventually(() => fences.length >= n || isDone())
    if (isDone() || n > 12) break
    // Every other time the job is taken away, else given back.
    if (n % 2 === 0) await crash(fences.at(-1)?.entryId ?? '').catch(() => undefined)
    await worker.stop({ graceMs: 0 })
  }
  await eventually(() => place.eventsOf('completed').length === 1)
  expect(fences.length).toBeGreaterThan(6)
  for (const [n, fence] of fences.entries()) {
    const before = fences[n - 1]
    if (before === undefined) continue
    const grew = isEarlier(before.entryId, fence.entryId) || before.deliveryCount < fence.deliveryCount
    expect(grew && !isEarlier(fence.entryId, before.entryId)).toBe(true)
  }
})
