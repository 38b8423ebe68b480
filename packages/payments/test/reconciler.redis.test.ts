import { createQueue } from '@titan/queue-core'
import { startRedis } from '@titan/servers'
import { eventually, openMigratedDatabase, testPrefix, type MigratedDatabase } from '@titan/testkit'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeEach, expect, inject, test } from 'vitest'
import {
  createPaymentStore,
  createReconciler,
  createRelay,
  PAYMENTS_QUEUE,
  type Database,
  type PaymentJobs,
  type PaymentsEvent,
  type PaymentStore,
  type Reconciler,
  type ReconcilerOptions,
} from '../src/index.ts'
import { payJob } from '../src/flow/pay-job.ts'
import { claim, createPayment, expireLease, makeDue, read } from './support/payments.ts'
import { connectRedis, redisOf } from '@titan/testkit/vitest'
import { settlementOf } from './support/settlements.ts'

// A separate Redis: it is flushed and restarted here.
const server = await startRedis()
afterAll(() => server.stop())
const redis = await connectRedis(server.url)

let database: MigratedDatabase
let sql: Database
let store: PaymentStore
let prefix: string
let queue: ReturnType<typeof createQueue<PaymentJobs>>

beforeEach(async () => {
  database = await openMigratedDatabase(inject('databaseUrl'))
  sql = database.sql
  store = createPaymentStore(sql)
  prefix = testPrefix()
  queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix })
})

afterEach(() => database.drop())

// Far from what a test takes on a busy machine.
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const patient = { retryBaseMs: MINUTE, retryMaxMs: MINUTE, unknownDelaysMs: [MINUTE] }

function newReconciler(options: Partial<ReconcilerOptions> = {}): Reconciler {
  return createReconciler({
    store,
    queue,
    redis: redisOf(redis),
    prefix,
    queuedGraceMs: 1_000,
    processingGraceMs: 1_000,
    ...options,
  })
}

async function createQueued(count: number): Promise<string[]> {
  const payments = await Promise.all(Array.from({ length: count }, () => createPayment(store)))
  while ((await createRelay({ store, queue }).runOnce()) > 0);
  return payments.map(({ id }) => id)
}

/** Removes the jobs that wait, and leaves all else in Redis as it is. */
async function loseJobs(): Promise<void> {
  await redis.del(`${prefix}:{${PAYMENTS_QUEUE}}:jobs`)
}

test('a healthy queue is left alone', async () => {
  const ids = await createQueued(20)
  const reconciler = newReconciler()
  await reconciler.runOnce()
  expect(await reconciler.runOnce()).toBe(0)
  expect(await queue.stats()).toMatchObject({ ready: 20 })
  expect(await store.events(ids[0] ?? '')).toHaveLength(2)
})

test('payments that have waited as long as the oldest job are left alone', async () => {
  const ids = await createQueued(3)
  for (const id of ids) await makeDue(sql, id, HOUR - MINUTE)
  const waiting = {
    name: PAYMENTS_QUEUE,
    enqueueMany: queue.enqueueMany,
    stats: async () => ({ ...(await queue.stats()), oldestReadyMs: HOUR }),
  }
  const reconciler = newReconciler({ queue: waiting })
  await reconciler.runOnce()
  expect(await queue.stats()).toMatchObject({ ready: 3 })
})

// F26 FLUSHALL with payments in every state: each gets its job back, one charge each
test('after FLUSHALL every unfinished payment gets its job back at once', async () => {
  const ids = await createQueued(25)
  const reconciler = newReconciler({ batchSize: 10 })
  await reconciler.runOnce()
  await redis.flushAll()
  expect(await reconciler.runOnce()).toBe(25)
  expect(await queue.stats()).toMatchObject({ ready: 25 })
  expect(await reconciler.runOnce()).toBe(0)
  expect(await read(store, ids[0] ?? '')).toMatchObject({ status: 'QUEUED' })
})

// F26
test('after FLUSHALL delayed retries, unknown outcomes and running payments come back at their own time', async () => {
  const [delayed, unknown, running] = await createQueued(3)
  const notSent = settlementOf(
    await claim(store, delayed ?? ''),
    { type: 'NOT_SENT', reason: 'refused' },
    patient,
  )
  const timedOut = settlementOf(
    await claim(store, unknown ?? ''),
    { type: 'UNKNOWN', reason: 'timeout' },
    patient,
  )
  await Promise.all([store.settle(notSent), store.settle(timedOut)])
  await claim(store, running ?? '', { leaseMs: MINUTE })
  const reconciler = newReconciler()
  await reconciler.runOnce()
  await redis.flushAll()
  expect(await reconciler.runOnce()).toBe(3)
  expect(await queue.stats()).toMatchObject({ ready: 0, delayed: 3 })
})

// F28
test('a restart without persistence is noticed like a wipe', async () => {
  await createQueued(5)
  const own = await startRedis()
  const client = await connectRedis(own.url)
  const ownQueue = createQueue<PaymentJobs>(client, PAYMENTS_QUEUE, { prefix })
  const reconciler = newReconciler({ queue: ownQueue, redis: redisOf(client) })
  expect(await reconciler.runOnce()).toBe(5)
  await own.kill()
  const again = await startRedis({ port: own.port })
  afterAll(() => again.stop())
  // The client comes back in its own time; a command of it may meet its time limit meanwhile.
  await eventually(async () => (await client.ping()) === 'PONG')
  expect(await reconciler.runOnce()).toBe(5)
  expect(await ownQueue.stats()).toMatchObject({ ready: 5 })
})

// F29 an older state of Redis is restored: delivered again, no second charge
test('an older state of the data that was restored, mark and all, is completed and nothing in it doubled', async () => {
  const [first] = await createQueued(1)
  const reconciler = newReconciler()
  await reconciler.runOnce()
  await snapshot()
  await createQueued(4)
  await restore()
  // What tells is the process: a restart is what brings an old state back.
  await sql`update queue_epochs set run_id = 'the process before'`
  expect(await reconciler.runOnce()).toBe(4)
  expect(await queue.stats()).toMatchObject({ ready: 5 })
  expect(await read(store, first ?? '')).toMatchObject({ status: 'QUEUED' })
})

// F32
test('a payment whose job is gone without a trace gets one with a new id', async () => {
  const [id] = await createQueued(1)
  const reconciler = newReconciler()
  await reconciler.runOnce()
  await loseJobs()
  expect(await reconciler.runOnce()).toBe(0)
  await makeDue(sql, id ?? '', HOUR)
  expect(await reconciler.runOnce()).toBe(1)
  expect(await queue.stats()).toMatchObject({ ready: 1 })
  expect((await store.events(id ?? '')).at(-1)).toMatchObject({
    type: 'payment.requeued',
    fromStatus: 'QUEUED',
    toStatus: 'QUEUED',
    actor: 'reconciler',
  })
})

// F30 marks of done jobs deleted or forged: no payment is held back
test('a forged mark of a finished job holds nothing back', async () => {
  const { id } = await createPayment(store)
  await redis.set(`${prefix}:{${PAYMENTS_QUEUE}}:processed:${id}`, '1')
  await createRelay({ store, queue }).runOnce()
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED' })
  expect(await queue.stats()).toMatchObject({ ready: 0 })
  await makeDue(sql, id, HOUR)
  expect(await newReconciler().runOnce()).toBe(1)
  expect(await queue.stats()).toMatchObject({ ready: 1 })
})

test('a payment that was just given a job is not given another', async () => {
  const [id] = await createQueued(1)
  await makeDue(sql, id ?? '', HOUR)
  const lost = { limit: 10, queuedAgeMs: MINUTE, processingAgeMs: MINUTE, actor: 'test' }
  expect(await store.takeLost(lost)).toEqual([
    { paymentId: id, scheduleNo: 1, delayMs: 0, traceparent: null, priority: null },
  ])
  expect(await store.takeLost(lost)).toEqual([])
})

test('a lease that is over gets a job', async () => {
  const [id] = await createQueued(1)
  await claim(store, id ?? '')
  const reconciler = newReconciler({ processingGraceMs: 0 })
  await reconciler.runOnce()
  expect(await reconciler.runOnce()).toBe(0)
  await loseJobs()
  await expireLease(sql, id ?? '')
  expect(await reconciler.runOnce()).toBe(1)
  expect((await store.events(id ?? '')).at(-1)).toMatchObject({
    type: 'payment.requeued',
    evidence: { reason: 'the lease is over' },
  })
})

test('one whose job waits for a gateway that is down is not examined before that job is due', async () => {
  const [id = ''] = await createQueued(1)
  const unknown = { type: 'UNKNOWN', reason: 'timeout' } as const
  await store.settle(settlementOf(await claim(store, id), unknown, patient))
  await loseJobs()
  const [{ scheduleNo } = { scheduleNo: 0 }] = await sql<{ readonly scheduleNo: number }[]>`
    select schedule_no as "scheduleNo" from payments where id = ${id}`
  await queue.enqueueMany([payJob({ paymentId: id, scheduleNo, delayMs: 50_000 })])
  await makeDue(sql, id, MINUTE)
  expect(await newReconciler().runOnce()).toBe(0)
  const [row] = await sql<{ readonly aheadMs: number }[]>`
    select extract(epoch from next_run_at - clock_timestamp())::float8 * 1000 as "aheadMs" from payments where id = ${id}`
  expect(row?.aheadMs).toBeGreaterThan(10_000)
  expect(row?.aheadMs).toBeLessThanOrEqual(50_000)
})

test('an unknown outcome that is due gets a job, one that is parked does not', async () => {
  const [unknown, parked] = await createQueued(2)
  await store.settle(settlementOf(await claim(store, unknown ?? ''), { type: 'UNKNOWN', reason: 'timeout' }))
  await store.settle(
    settlementOf(await claim(store, parked ?? ''), { type: 'UNRESOLVABLE', reason: 'too old' }),
  )
  const reconciler = newReconciler()
  await reconciler.runOnce()
  expect(await reconciler.runOnce()).toBe(0)
  await loseJobs()
  await makeDue(sql, unknown ?? '', HOUR)
  await makeDue(sql, parked ?? '', HOUR)
  expect(await reconciler.runOnce()).toBe(1)
})

test('a wiped Redis makes no job for payments that wait, until a step of theirs is due', async () => {
  const ids = await createQueued(100)
  await Promise.all(ids.map((id) => claim(store, id)))
  await sql`
    update payments set waits_for = 'gateway', lease_owner = null, lease_until = null,
           next_run_at = clock_timestamp() + interval '1 hour'`
  const reconciler = newReconciler()
  await redis.flushAll()
  expect(await reconciler.runOnce()).toBe(0)
  await redis.flushAll()
  expect(await reconciler.rebuild()).toEqual({ added: 0, present: 0 })
  expect(await queue.stats()).toMatchObject({ ready: 0, delayed: 0 })

  const [due = ''] = ids
  await makeDue(sql, due, HOUR)
  expect(await reconciler.runOnce()).toBe(1)
  expect(await queue.stats()).toMatchObject({ ready: 1 })
  expect((await store.events(due)).at(-1)).toMatchObject({
    type: 'payment.requeued',
    evidence: { reason: 'a step is due', waits_for: 'gateway' },
  })
  // Its job waits: a second one would be of no use.
  await makeDue(sql, due, HOUR)
  expect(await reconciler.runOnce()).toBe(0)
  expect(await queue.stats()).toMatchObject({ ready: 1 })
})

test('reconcilers that run at the same time share the work', async () => {
  const ids = await createQueued(40)
  const reconcilers = [newReconciler({ batchSize: 10 }), newReconciler({ batchSize: 10 })]
  await reconcilers[0]?.runOnce()
  await loseJobs()
  for (const id of ids) await makeDue(sql, id, HOUR)
  let total = 0
  for (let round = 0; round < 3; round++)
    for (const count of await Promise.all(reconcilers.map((one) => one.runOnce()))) total += count
  expect(total).toBe(40)
})

test('with Redis away nothing is taken, and the loop goes on', async () => {
  const [id] = await createQueued(1)
  await makeDue(sql, id ?? '', HOUR)
  const events: PaymentsEvent[] = []
  const away = {
    name: PAYMENTS_QUEUE,
    enqueueMany: queue.enqueueMany,
    stats: () => Promise.reject(new Error('ECONNREFUSED')),
  }
  const reconciler = newReconciler({ queue: away, onEvent: (event) => events.push(event) })
  await expect(reconciler.runOnce()).rejects.toThrow('ECONNREFUSED')
  expect((await store.events(id ?? '')).at(-1)).toMatchObject({ type: 'payment.queued' })
  reconciler.start()
  reconciler.start()
  await eventually(() => events.some(({ type }) => type === 'error'))
  await reconciler.stop()
  await reconciler.stop()
  expect(events).toContainEqual({ type: 'error', source: 'reconciler', error: expect.any(Error) })
})

/** Keeps what is in Redis in another of its databases. */
async function snapshot(): Promise<void> {
  for (const key of await redis.keys('*')) await redis.sendCommand(['COPY', key, key, 'DB', '1', 'REPLACE'])
}

/** Puts back what {@link snapshot} kept, in place of everything newer. */
async function restore(): Promise<void> {
  await redis.flushDb()
  const other = createClient({ url: server.url, database: 1 })
  await other.connect()
  for (const key of await other.keys('*')) await other.sendCommand(['COPY', key, key, 'DB', '0'])
  other.destroy()
}
