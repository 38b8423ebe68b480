import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import { createGroup, read } from '../src/redis/commands.ts'
import { Run } from '../src/worker/run.ts'
import { createConsumer, type QueueEvent } from '../src/index.ts'
import { createContext } from '../src/worker/connections.ts'
import { LeaseTable } from '../src/worker/lease-table.ts'
import { jobs } from './support/collect.ts'
import { createGate } from './support/gate.ts'
import { test, type Place } from './support/place.ts'

/** Longest time that the lease of the running job went without renewal, by the server's clock, over some samples. */
async function longestIdle(place: Place, samples: number): Promise<number> {
  let longest = 0
  for (let n = 0; n < samples; n++) {
    const rows = await place.send<[string, string, number][]>(
      'XPENDING',
      place.keys.streams[1],
      'workers',
      '-',
      '+',
      10,
    )
    for (const [, , idle] of rows) longest = Math.max(longest, idle)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return longest
}

test('a job that runs far beyond its visibility timeout is not delivered again', async ({ place }) => {
  const gate = createGate()
  place.onEnd(gate.open)
  let runs = 0
  const work = (): Promise<void> => {
    runs++
    return gate.opened
  }
  const workers = [
    await place.startWorker({ work }, { visibilityMs: 800 }),
    await place.startWorker({ work }, { visibilityMs: 800 }),
  ]
  await place.createQueue().enqueue('work', 1)
  await eventually(() => runs === 1)
  expect(await longestIdle(place, 200)).toBeLessThan(800)
  expect(runs).toBe(1)
  gate.open()
  await eventually(() => workers.reduce((sum, worker) => sum + worker.counters.completed, 0) === 1)
  expect(place.eventsOf('reclaimed')).toEqual([])
})

test('jobs that wait in a buffer keep their leases too', async ({ place }) => {
  const queue = place.createQueue()
  const gate = createGate()
  place.onEnd(gate.open)
  let runs = 0
  const work = (): Promise<void> | undefined => {
    runs++
    return runs > 500 ? gate.opened : undefined
  }
  await queue.enqueueMany(jobs(2_000))
  const worker = await place.startWorker({ work }, { visibilityMs: 2_000, concurrency: 1 })
  await eventually(() => worker.health().buffered > 0 && runs > 500)
  // Buffered jobs are given back after a second; up to then they are renewed.
  await eventually(() => worker.health().buffered === 0)
  expect(place.eventsOf('leaseLost')).toEqual([])
  gate.open()
  await eventually(() => worker.counters.completed === 2_000)
  expect(place.eventsOf('reclaimed').every(({ crashes }) => crashes === 0)).toBe(true)
})

describe('a visibility timeout of the job’s own', () => {
  test('that is shorter than the queue’s brings the job back earlier', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 1, { visibilityMs: 200 })
    const first = await place.startWorker(
      { work: () => new Promise(() => undefined) },
      { visibilityMs: 60_000 },
    )
    await eventually(() => first.running === 1)
    // The first renewal tells the server of the shorter time; then the worker is as good as dead.
    await eventually(async () => {
      const [[, , idle] = []] = await place.send<[string, string, number][]>(
        'XPENDING',
        place.keys.streams[1],
        'workers',
        '-',
        '+',
        1,
      )
      return (idle ?? 0) > 59_000
    })
    await first.stop({ graceMs: 0 })
    let runs = 0
    await place.startWorker({ work: () => void runs++ }, { visibilityMs: 60_000 })
    await eventually(() => runs === 1, { timeoutMs: 25_000 })
  })

  test('that is shorter is kept by renewing in time', async ({ place }) => {
    const gate = createGate()
    place.onEnd(gate.open)
    let runs = 0
    const work = (): Promise<void> => {
      runs++
      return gate.opened
    }
    for (let n = 0; n < 2; n++) await place.startWorker({ work }, { visibilityMs: 4_000 })
    await place.createQueue().enqueue('work', 1, { visibilityMs: 600 })
    await eventually(() => runs === 1)
    await longestIdle(place, 150)
    expect(runs).toBe(1)
    expect(place.eventsOf('reclaimed')).toEqual([])
  })

  test('that is longer leaves the job alone when the queue’s is over', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 1, { visibilityMs: 60_000, id: 'patient' })
    await queue.enqueue('work', 2)
    await place.send('XGROUP', 'CREATE', place.keys.streams[1], 'workers', '0')
    await place.send('XREADGROUP', 'GROUP', 'workers', 'dead', 'STREAMS', place.keys.streams[1], '>')
    const seen: number[] = []
    await place.startWorker({ work: ({ data }) => void seen.push(data) }, { visibilityMs: 100 })
    await eventually(() => seen.length === 1)
    await longestIdle(place, 30)
    expect(seen).toEqual([2])
    // As if its minute were over.
    const [[id] = []] = await place.send<[string][]>(
      'XPENDING',
      place.keys.streams[1],
      'workers',
      '-',
      '+',
      1,
    )
    await place.send(
      'XCLAIM',
      place.keys.streams[1],
      'workers',
      'dead',
      0,
      id ?? '',
      'IDLE',
      60_000,
      'JUSTID',
    )
    await eventually(() => seen.length === 2)
    expect(seen).toEqual([2, 1])
  })
})

test('a job whose end cannot be stored is delivered again, and told', async ({ place }) => {
  const queue = place.createQueue()
  await place.send('SET', place.keys.dlq, 'something else')
  const worker = await place.startWorker(
    { work: () => Promise.reject(new Error('boom')) },
    { visibilityMs: 400, maxAttempts: 1, maxCrashes: 100 },
  )
  await queue.enqueue('work', 1)
  await eventually(() => place.eventsOf('settleUnknown').length > 0)
  await place.send('DEL', place.keys.dlq)
  await eventually(() => worker.counters.deadLettered === 1)
  expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0, dead: 1 })
})

test('entries that somebody deleted while they were leased are told and forgotten', async ({ place }) => {
  await place.createQueue().enqueueMany(jobs(2))
  await place.send('XGROUP', 'CREATE', place.keys.streams[1], 'workers', '0')
  const [[, entries] = []] = await place.send<[string, [string][]][]>(
    'XREADGROUP',
    'GROUP',
    'workers',
    'dead',
    'STREAMS',
    place.keys.streams[1],
    '>',
  )
  const [first, second] = (entries ?? []).map(([id]) => id)
  await place.send('XDEL', place.keys.streams[1], first ?? '')
  const worker = await place.startWorker({ work: () => undefined }, { visibilityMs: 100 })
  await eventually(() => worker.counters.completed === 1)
  await eventually(() => place.eventsOf('entriesVanished').length === 1)
  expect(place.eventsOf('entriesVanished')[0]?.entryIds).toEqual([first])
  expect(place.eventsOf('completed')[0]?.job.entryId).toBe(second)
  const pending = await place.send<unknown[]>('XPENDING', place.keys.streams[1], 'workers')
  expect(pending[0]).toBe(0)
})

test('an own delivery whose reply was lost comes back and costs no crash', async ({ place, skip }) => {
  skip(process.env['TITAN_CLUSTER'] !== undefined, 'MULTI names no key')
  let runs = 0
  const worker = await place.startWorker({ work: () => void runs++ }, { visibilityMs: 300 })
  const stream = place.keys.streams[1]
  // Not through the queue, so that the worker's own read does not get it: it is claimed for the worker from outside.
  await place.send('MULTI')
  await place.send('XADD', stream, '*', 'n', 'work', 'd', '1')
  await place.send('XREADGROUP', 'GROUP', 'workers', worker.consumer, 'STREAMS', stream, '>')
  await place.send('EXEC')
  await eventually(() => runs === 1)
  expect(place.eventsOf('reclaimed')).toMatchObject([{ from: '_released', crashes: 0 }])
})

describe('workers of different timeouts serve one queue, as in a rolling deploy', () => {
  // F188 workers of different visibility timeouts serve one queue, as in a rolling deploy: the timeout of the
  //  holder decides: a healthy one keeps its jobs, those of a dead one go to another worker after its own
  //  timeout
  test('one of a shorter timeout leaves the jobs of a healthy holder alone', async ({ place }) => {
    const gate = createGate()
    place.onEnd(gate.open)
    const holder = await place.startWorker({ work: () => gate.opened }, { visibilityMs: 30_000 })
    await place.createQueue().enqueueMany([1, 2, 3].map((data) => ({ name: 'work', data })))
    await eventually(() => holder.running === 3)
    const taker = await place.startWorker({ work: () => gate.opened }, { visibilityMs: 200 })
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(taker.counters.started).toBe(0)
    expect(place.eventsOf('reclaimed')).toEqual([])
    gate.open()
    await eventually(() => holder.counters.completed === 3)
  })

  // F188
  test('one of a longer timeout takes over what a dead holder of a shorter one held', async ({ place }) => {
    const dead = createConsumer(place.redis, place.name, { prefix: place.prefix, visibilityMs: 200 })
    await place.createQueue().enqueue('work', 1)
    await dead.claim()
    await new Promise((resolve) => setTimeout(resolve, 250))
    const taker = await place.startWorker({ work: () => undefined }, { visibilityMs: 60_000 })
    await eventually(() => taker.counters.completed === 1)
    await dead.close()
  })

  test('one goes by its own timeout where the name of the holder says none', async ({ place }) => {
    const queue = place.createQueue()
    const { id } = await queue.enqueue('work', 1)
    await place.send('XGROUP', 'CREATE', place.keys.streams[1], 'workers', '0')
    await place.send(
      'XREADGROUP',
      'GROUP',
      'workers',
      'host-1:9f3c02ab',
      'STREAMS',
      place.keys.streams[1],
      '>',
    )
    const taker = await place.startWorker({ work: () => undefined }, { visibilityMs: 300 })
    await eventually(() => taker.counters.completed === 1)
    expect(place.eventsOf('reclaimed')).toMatchObject([{ job: { id }, from: 'host-1:9f3c02ab' }])
  })
})

// F192 renewals got no answer, so a worker gave a lease up; the server has it as that worker’s still: it is
//  not released before it has expired and its handler has ended, and then with a `released` event
test('a lease that counts as lost here is not given back before it has lapsed and its handler has ended', async ({
  place,
}) => {
  const options = {
    visibilityMs: 60_000,
    onEvent: (event: QueueEvent): void => void place.events.push(event),
  }
  const context = createContext('worker', place.redis, place.name, options)
  const owner = context.settings
  const leases = new LeaseTable(place.part, context)
  await createGroup(place.part, owner.group)
  await place.createQueue().enqueue('work', 1)
  const claimed = await read(place.part, owner, [1], 1, 0)
  await leases.accept(claimed.flat(), performance.now())
  const lease = leases.buffer.next()
  if (lease === undefined) throw new Error('nothing was claimed')
  const gate = createGate()
  lease.run = new Run(lease, () => undefined)
  lease.run.start(() => gate.opened, 0)
  leases.lose(lease)
  const orphan = { level: lease.level, entryId: lease.entryId, deliveryCount: lease.deliveryCount }
  leases.releaseOrphans([{ ...orphan, idleMs: 54_000 }])
  leases.releaseOrphans([{ ...orphan, idleMs: 61_000 }])
  await leases.idle()
  expect(place.eventsOf('released')).toEqual([])
  gate.open()
  await eventually(() => lease.run?.isOver === true)
  leases.releaseOrphans([{ ...orphan, idleMs: 59_000 }])
  await leases.idle()
  expect(place.eventsOf('released')).toEqual([])
  leases.releaseOrphans([{ ...orphan, idleMs: 61_000 }])
  await leases.idle()
  expect(place.eventsOf('released')).toMatchObject([{ job: { id: lease.id, name: 'work' } }])
})

// F189
test('a job whose own timeout is a month runs as long as it needs', async ({ place }) => {
  const worker = await place.startWorker({ work: () => new Promise((resolve) => setTimeout(resolve, 50)) })
  await place.createQueue().enqueue('work', 1, { timeoutMs: 30 * 86_400_000 })
  await eventually(() => worker.counters.completed === 1)
  expect(worker.counters.retried).toBe(0)
})
