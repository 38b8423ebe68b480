import { createClient } from 'redis'
import * as v from 'valibot'
import { afterAll, expect, inject, onTestFinished, test } from 'vitest'
import { eventually, testPrefix } from '@titan/testkit'
import { createConsumer, createQueue, type Consumer, type ConsumerOptions, type Lease } from '../src/index.ts'
import type { QueueEvent, Queue, SharedOptions } from '../src/index.ts'

interface Jobs {
  pay: { cents: number }
  mail: { to: string }
}

const redis = createClient({ url: inject('redisUrl') })
await redis.connect()
afterAll(() => redis.close())

interface Bench {
  readonly queue: Queue<Jobs>
  readonly consumer: Consumer<Jobs>
  readonly other: Consumer<Jobs>
  readonly events: QueueEvent[]
  readonly base: string
}

type Shared = SharedOptions<Jobs> & Pick<ConsumerOptions<Jobs>, 'visibilityMs'>

/** A separate queue with two consumers that are closed when the test ends. */
function setUp({ visibilityMs = 30_000, ...options }: Shared = {}): Bench {
  const prefix = testPrefix()
  const events: QueueEvent[] = []
  const shared = { prefix, ...options }
  const make = (): Consumer<Jobs> =>
    createConsumer<Jobs>(redis, 'jobs', { ...shared, visibilityMs, onEvent: (event) => events.push(event) })
  const consumer = make()
  const other = make()
  onTestFinished(async () => {
    await Promise.all([consumer.close(), other.close()])
  })
  return {
    queue: createQueue<Jobs>(redis, 'jobs', shared),
    consumer,
    other,
    events,
    base: `${prefix}:{jobs}`,
  }
}

async function claimOne(consumer: Consumer<Jobs>, blockMs = 10_000): Promise<Lease<Jobs>> {
  const [lease] = await consumer.claim({ blockMs })
  if (lease === undefined) throw new Error('no job came')
  return lease
}

const LOST = expect.objectContaining({ name: 'QueueError', code: 'LEASE_LOST' })

test('a claimed job carries its data, its options and its fence', async () => {
  const { queue, consumer } = setUp()
  await queue.enqueue('pay', { cents: 5 }, { id: 'p1', maxAttempts: 7, visibilityMs: 60_000 })
  const lease = await claimOne(consumer)
  expect(lease).toMatchObject({
    job: { id: 'p1', name: 'pay', data: { cents: 5 }, attempt: 1, maxAttempts: 7 },
    fence: { entryId: expect.stringMatching(/^\d+-\d+$/), deliveryCount: 1 },
    deliveryCount: 1,
    visibilityMs: 60_000,
  })
})

test('a claim takes no more than it asks for, over all priorities, and none that another one holds', async () => {
  const { queue, consumer, other } = setUp()
  const priorities = ['high', 'default', 'low'] as const
  await queue.enqueueMany(
    [0, 1, 2, 3].flatMap((cents) =>
      priorities.map((priority) => ({ name: 'pay' as const, data: { cents }, priority })),
    ),
  )
  const first = await consumer.claim({ count: 5 })
  const second = await other.claim({ count: 100 })
  expect(first).toHaveLength(5)
  expect(second).toHaveLength(7)
  const taken = [...first, ...second].map(({ job, fence }) => `${job.priority} ${fence.entryId}`)
  expect(new Set(taken).size).toBe(12)
})

test('a waiting claim gets the jobs of one script call, and the surplus goes back unharmed', async () => {
  const { queue, consumer, other } = setUp()
  const waiting = claimOne(consumer)
  await eventually(async () => (await queue.stats()).group !== '')
  await queue.enqueueMany(
    (['high', 'default', 'low'] as const).map((priority) => ({ name: 'pay', data: { cents: 1 }, priority })),
  )
  await waiting
  const rest: Lease<Jobs>[] = []
  await eventually(async () => rest.push(...(await other.claim({ count: 10 }))) === 2)
  expect(rest.map((lease) => lease.job.attempt)).toEqual([1, 1])
})

test('an acked job leaves nothing behind', async () => {
  const { queue, consumer } = setUp()
  await queue.enqueue('pay', { cents: 5 })
  await consumer.ack(await claimOne(consumer))
  expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0, delayed: 0, dead: 0 })
})

test('the id of an acked job is remembered, so neither side runs it again', async () => {
  const { queue, consumer } = setUp()
  await queue.enqueue('pay', { cents: 5 }, { id: 'p1' })
  await consumer.ack(await claimOne(consumer))
  expect(await queue.enqueue('pay', { cents: 5 }, { id: 'p1' })).toEqual({ id: 'p1', duplicate: true })
})

test('a retried job comes back when its delay is over, with the failure counted and kept', async () => {
  const { queue, consumer } = setUp()
  const { id } = await queue.enqueue('pay', { cents: 5 }, { maxAttempts: 2 })
  const first = await claimOne(consumer)
  await consumer.retry(first, { delayMs: 30, reason: 'gateway is away' })
  const second = await claimOne(consumer)
  expect(second.job).toMatchObject({ id, data: { cents: 5 }, attempt: 2, maxAttempts: 2 })
  expect(second.fence.entryId).not.toBe(first.fence.entryId)
  await consumer.deadLetter(second, { reason: 'still away' })
  const [letter] = await queue.deadLetters()
  expect(letter).toMatchObject({ id, cause: 'handler_error', failures: 2 })
  expect(letter?.history.map((failure) => failure.error)).toEqual(['gateway is away', 'still away'])
})

test('a job given up before its attempts are used up is told apart', async () => {
  const { queue, consumer } = setUp()
  await queue.enqueue('pay', { cents: 5 })
  await consumer.deadLetter(await claimOne(consumer), { reason: 'no such account' })
  expect(await queue.deadLetters()).toMatchObject([{ cause: 'unrecoverable', error: 'no such account' }])
})

test('a released job goes to another consumer at once and has lost no attempt', async () => {
  const { queue, consumer, other } = setUp()
  await queue.enqueue('pay', { cents: 5 })
  const first = await claimOne(consumer)
  await consumer.release([first])
  const second = await claimOne(other)
  expect(second).toMatchObject({ job: { id: first.job.id, attempt: 1 }, deliveryCount: 2 })
  expect(second.fence.deliveryCount).toBeGreaterThan(first.fence.deliveryCount)
})

test('a lease that lapsed goes to another consumer, and every verb of the first one changes nothing', async () => {
  const { queue, consumer, other } = setUp({ visibilityMs: 200 })
  await queue.enqueue('pay', { cents: 5 }, { id: 'p1' })
  const stale = await claimOne(consumer)
  const taken = await eventually(async () => (await other.claim())[0] ?? false)
  expect(taken.job.id).toBe('p1')
  await expect(consumer.renew([stale])).resolves.toEqual([])
  await expect(consumer.ack(stale)).rejects.toEqual(LOST)
  await expect(consumer.retry(stale, { delayMs: 0, reason: 'late' })).rejects.toEqual(LOST)
  await expect(consumer.deadLetter(stale, { reason: 'late' })).rejects.toEqual(LOST)
  await expect(consumer.release([stale])).rejects.toEqual(LOST)
  expect(await queue.stats()).toMatchObject({ leased: 1, ready: 0, delayed: 0, dead: 0 })
  await other.ack(taken)
  expect(await queue.stats()).toMatchObject({ leased: 0 })
})

test('the server refuses a stale ack that the consumer itself believes in', async () => {
  const { queue, consumer, base } = setUp()
  await queue.enqueue('pay', { cents: 5 })
  const lease = await claimOne(consumer)
  await redis.xClaim(`${base}:jobs`, 'workers', 'somebody-else', 0, lease.fence.entryId)
  await expect(consumer.ack(lease)).rejects.toEqual(LOST)
  expect(await queue.stats()).toMatchObject({ leased: 1 })
})

test('a lease ends once: the second verb is refused', async () => {
  const { queue, consumer } = setUp()
  await queue.enqueue('pay', { cents: 5 })
  const lease = await claimOne(consumer)
  const [first, second] = await Promise.allSettled([consumer.ack(lease), consumer.ack(lease)])
  expect(first).toMatchObject({ status: 'fulfilled' })
  expect(second).toEqual({ status: 'rejected', reason: LOST })
})

test('a renewed lease outlives its visibility timeout', async () => {
  const { queue, consumer, other } = setUp({ visibilityMs: 400 })
  await queue.enqueue('pay', { cents: 5 })
  const lease = await claimOne(consumer)
  const until = performance.now() + 1_000
  await eventually(async () => {
    expect(await consumer.renew([lease])).toEqual([lease])
    expect(await other.claim()).toEqual([])
    return performance.now() > until
  })
  await consumer.ack(lease)
})

test('a lease that nobody renewed comes back to its own consumer too, as a new one', async () => {
  const { queue, consumer } = setUp({ visibilityMs: 200 })
  await queue.enqueue('pay', { cents: 5 })
  const stale = await claimOne(consumer)
  const fresh = await eventually(async () => (await consumer.claim())[0] ?? false)
  expect(fresh.fence.entryId).toBe(stale.fence.entryId)
  await expect(consumer.ack(stale)).rejects.toEqual(LOST)
  await consumer.ack(fresh)
})

test('a job with a shorter visibility timeout than its queue lapses after its own', async () => {
  const { queue, consumer, base } = setUp({ visibilityMs: 600_000 })
  await queue.enqueue('pay', { cents: 5 }, { visibilityMs: 200 })
  const lease = await claimOne(consumer)
  expect(lease.visibilityMs).toBe(200)
  // Redis counts from the idle time, so a shorter timeout is a head start.
  const [row] = await redis.xPendingRange(`${base}:jobs`, 'workers', '-', '+', 1)
  expect(row?.millisecondsSinceLastDelivery).toBeGreaterThanOrEqual(600_000 - 200)
})

test('a paused queue gives no jobs until it is resumed', async () => {
  const { queue, consumer } = setUp()
  await queue.enqueue('pay', { cents: 5 })
  await queue.pause()
  expect(await consumer.claim({ blockMs: 50 })).toEqual([])
  await queue.resume()
  await consumer.ack(await claimOne(consumer))
})

test('a recurring job is claimed when its slot comes', async () => {
  const { queue, consumer } = setUp()
  await queue.schedule('every-second', { cron: '* * * * * *' }, 'mail', { to: 'ada' })
  const { job } = await claimOne(consumer)
  expect(job).toMatchObject({
    name: 'mail',
    data: { to: 'ada' },
    id: expect.stringMatching(/^every-second@\d+$/),
  })
})

// F31 entries that are no jobs, of no payment, of a done payment, a hundred copies: dead letters or acks; one
//  charge
test('an entry that is no job becomes a dead letter, and the claim goes on to the next job', async () => {
  const { queue, consumer, events, base } = setUp()
  await redis.xAdd(`${base}:jobs`, '*', { strange: 'entry' })
  await redis.xAdd(`${base}:jobs`, '*', { n: 'pay', d: '{' })
  await queue.enqueue('pay', { cents: 5 })
  await consumer.ack(await claimOne(consumer))
  await eventually(async () => (await queue.stats()).dead === 2)
  expect((await queue.deadLetters()).map((letter) => letter.cause).toSorted()).toEqual([
    'invalid_payload',
    'undecodable',
  ])
  expect(events.filter((event) => event.type === 'deadLettered')).toHaveLength(2)
})

test('data that does not fit its schema never reaches the caller', async () => {
  const cents = v.object({ cents: v.pipe(v.number(), v.integer()) })
  const { queue, consumer, base } = setUp({ schemas: { pay: cents } })
  await redis.xAdd(`${base}:jobs`, '*', { n: 'pay', d: '{"cents":"five"}' })
  expect(await consumer.claim()).toEqual([])
  await eventually(async () => (await queue.stats()).dead === 1)
  expect(await queue.deadLetters()).toMatchObject([{ cause: 'invalid_payload' }])
})

// A schema that fetches JSON, for example, throws one when its source is broken.
test('a schema that throws a SyntaxError costs an attempt, not the job', async () => {
  const broken = (): Promise<boolean> => Promise.reject(new SyntaxError('Unexpected token'))
  const pay = v.pipeAsync(v.object({ cents: v.number() }), v.checkAsync(broken))
  const { queue, consumer, events, base } = setUp({ schemas: { pay } })
  await redis.xAdd(`${base}:jobs`, '*', { n: 'pay', d: '{"cents":5}' })
  expect(await consumer.claim()).toEqual([])
  await eventually(() => events.length > 0)
  expect(events).toMatchObject([{ type: 'retried', cause: 'handler_error' }])
  expect(await queue.stats()).toMatchObject({ delayed: 1, dead: 0 })
})

test('a claim survives the loss of the whole queue', async () => {
  const { queue, consumer, events, base } = setUp()
  expect(await consumer.claim()).toEqual([])
  await redis.del([`${base}:jobs:high`, `${base}:jobs`, `${base}:jobs:low`])
  await queue.enqueue('pay', { cents: 5 })
  await consumer.ack(await claimOne(consumer))
  expect(events).toContainEqual({ type: 'groupCreated', queue: base })
})

test('each partition of a queue has its consumer', async () => {
  const prefix = testPrefix()
  const queue = createQueue<Jobs>(redis, 'jobs', { prefix, partitions: 2 })
  await queue.enqueueMany([1, 2, 3, 4].map((cents) => ({ name: 'pay', data: { cents } })))
  const consumers = [0, 1].map((partition) =>
    createConsumer<Jobs>(redis, 'jobs', { prefix, partitions: 2, partition }),
  )
  const claimed = await Promise.all(consumers.map((consumer) => consumer.claim({ count: 10 })))
  expect(claimed.map((leases) => leases.length)).toEqual([2, 2])
  expect(claimed[1]?.[0]?.job.id).toMatch(/^\d+-\d+\.1$/)
  await Promise.all(consumers.map((consumer) => consumer.close()))
  expect(() => createConsumer<Jobs>(redis, 'jobs', { partitions: 2, partition: 2 })).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTIONS' }),
  )
})

test('closing ends a waiting claim, forgets the consumer and lets open leases lapse', async () => {
  const { queue, consumer, base } = setUp()
  await queue.enqueue('pay', { cents: 5 })
  const lease = await claimOne(consumer)
  const waiting = consumer.claim({ blockMs: 600_000 })
  await consumer.close()
  expect(await waiting).toEqual([])
  expect(await queue.stats()).toMatchObject({ leased: 1 })
  const names = async (stream: string): Promise<string[]> =>
    (await redis.xInfoConsumers(stream, 'workers')).map(({ name }) => name)
  expect(await names(`${base}:jobs`)).toEqual([consumer.name])
  expect(await names(`${base}:jobs:high`)).toEqual([])
  const closed = expect.objectContaining({ code: 'CLOSED' })
  await expect(consumer.claim()).rejects.toEqual(closed)
  await expect(consumer.ack(lease)).rejects.toEqual(closed)
  await expect(consumer.renew([lease])).rejects.toEqual(closed)
})

test('a count or a wait that makes no sense is refused', async () => {
  const { queue, consumer } = setUp()
  const invalid = expect.objectContaining({ code: 'INVALID_OPTIONS' })
  await expect(consumer.claim({ count: 0 })).rejects.toEqual(invalid)
  await expect(consumer.claim({ blockMs: -1 })).rejects.toEqual(invalid)
  await queue.enqueue('pay', { cents: 5 })
  const lease = await claimOne(consumer)
  await expect(consumer.retry(lease, { delayMs: Number.NaN, reason: 'x' })).rejects.toEqual(invalid)
  await consumer.ack(lease)
})
