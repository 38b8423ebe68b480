import { createConsumer, createQueue, createWorker, type Worker } from '@titan/queue-core'
import { startRedis } from '@titan/servers'
import { eventually, testPrefix } from '@titan/testkit'
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import {
  createPaymentHandler,
  createPaymentStore,
  createReconciler,
  createRelay,
  createSimulatedGateway,
  limitGateway,
  PAYMENTS_QUEUE,
  type LimitedGateway,
  type PaymentJobs,
  type Reconciler,
} from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { claim, createPayment, makeDue, read } from './support/payments.ts'
import { connectRedis, redisOf } from '@titan/testkit/vitest'
import { settlementOf } from './support/settlements.ts'
import { attemptOf, charge } from './support/simulator.ts'

const server = await startRedis()
afterAll(() => server.stop())
const redis = await connectRedis(server.url)
const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

const HOUR = 3_600_000

let prefix: string
let queue: ReturnType<typeof createQueue<PaymentJobs>>

beforeEach(async () => {
  // The reconciler looks at all payments, also those of the test before.
  await sql`update payments set needs_review = true, next_run_at = clock_timestamp() + interval '1 day' where status not in ('SUCCESS', 'FAILED')`
  prefix = testPrefix()
  queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix })
})

/** A gateway that nothing is sent to for an hour. */
async function openCircuit(): Promise<LimitedGateway> {
  const dead = createSimulatedGateway({ delayMs: 0, script: () => 'transient' })
  const gateway = limitGateway(dead, {
    breaker: { windowCalls: 1, minCalls: 1, openMs: HOUR, maxOpenMs: HOUR },
  })
  await charge(gateway, attemptOf('pay_0'))
  expect(gateway.circuit).toBe('open')
  return gateway
}

async function createQueued(count: number): Promise<string[]> {
  const payments = await Promise.all(Array.from({ length: count }, () => createPayment(store)))
  while ((await createRelay({ store, queue }).runOnce()) > 0);
  return payments.map(({ id }) => id)
}

/** A worker that is stopped with the test at the latest. */
async function startWorker(gateway: LimitedGateway, stopping?: AbortSignal): Promise<Worker> {
  const pay = createPaymentHandler({ store, gateway, returning: stopping && (() => stopping) })
  const worker = createWorker<PaymentJobs>(redis, PAYMENTS_QUEUE, { pay }, { prefix, concurrency: 10 })
  await worker.start()
  onTestFinished(() => worker.stop({ graceMs: 0 }))
  return worker
}

function newReconciler(batchSize = 500): Reconciler {
  const ages = { queuedGraceMs: 1_000, processingGraceMs: 1_000 }
  return createReconciler({ store, queue, redis: redisOf(redis), prefix, batchSize, ...ages })
}

async function countRequeued(ids: readonly string[]): Promise<number> {
  const events = (await Promise.all(ids.map((id) => store.events(id)))).flat()
  return events.filter(({ type }) => type === 'payment.requeued').length
}

test.each([500, 2])(
  'a job that waits with its worker for the gateway gets no duplicate, %i at a time',
  async (size) => {
    const ids = await createQueued(5)
    const worker = await startWorker(await openCircuit())
    await eventually(() => worker.running === 5)
    const reconciler = newReconciler(size)
    await reconciler.runOnce()
    for (const id of ids) await makeDue(sql, id, HOUR)
    expect(await reconciler.runOnce()).toBe(0)
    expect(await queue.stats()).toMatchObject({ ready: 0, leased: 5 })
    expect(await countRequeued(ids)).toBe(0)
  },
)

test('a question that waits with its worker for the gateway gets no duplicate', async () => {
  const [id = ''] = await createQueued(1)
  const unknown = settlementOf(
    await claim(store, id),
    { type: 'UNKNOWN', reason: 'timeout' },
    { unknownDelaysMs: [0] },
  )
  await store.settle(unknown)
  const worker = await startWorker(await openCircuit())
  await eventually(() => worker.running === 1)
  const reconciler = newReconciler()
  await reconciler.runOnce()
  await makeDue(sql, id, HOUR)
  expect(await reconciler.runOnce()).toBe(0)
  expect(await countRequeued([id])).toBe(0)
})

test('a payment without a job gets one while the jobs of others wait with their worker', async () => {
  const held = await createQueued(3)
  const worker = await startWorker(await openCircuit())
  await eventually(() => worker.running === 3)
  const reconciler = newReconciler(2)
  await reconciler.runOnce()
  const lost = await createPayment(store)
  await store.markQueued([lost.id], 'relay')
  for (const id of [...held, lost.id]) await makeDue(sql, id, HOUR)
  expect(await reconciler.runOnce()).toBe(1)
  expect(await countRequeued([lost.id])).toBe(1)
  expect(await countRequeued(held)).toBe(0)
})

test('a circuit that may be probed says so before anyone has tried', async () => {
  const dead = createSimulatedGateway({ delayMs: 0, script: () => 'transient' })
  const gateway = limitGateway(dead, { breaker: { windowCalls: 1, minCalls: 1, openMs: 50 } })
  await charge(gateway, attemptOf('pay_0'))
  expect(gateway.circuit).toBe('open')
  await eventually(() => expect(gateway.circuit).toBe('probing'))
})

test('a worker that stops gives back what waits for the gateway, without waiting itself', async () => {
  const ids = await createQueued(5)
  const stopping = new AbortController()
  const worker = await startWorker(await openCircuit(), stopping.signal)
  await eventually(() => worker.running === 5)
  const stopped = worker.stop({ graceMs: HOUR })
  stopping.abort(new Error('the worker stops'))
  await stopped
  expect(await queue.stats()).toMatchObject({ leased: 0, dead: 0 })
  for (const id of ids)
    expect(await read(store, id)).toMatchObject({ status: 'QUEUED', fence: 0, attemptNo: 0 })
  await startWorker(limitGateway(createSimulatedGateway({ delayMs: 0 }), {}))
  for (const id of ids) await eventually(async () => (await read(store, id)).status === 'SUCCESS')
  expect(await countRequeued(ids)).toBe(0)
})

const ASK_AT_ONCE = { unknownDelaysMs: [0] }

// F141 payments are due while the queue has a backlog: QUEUED, with an unknown outcome, with an expired
//  lease: each keeps its one job; a payment without one gets one
test('payments of every working state whose jobs wait in the backlog get no duplicates', async () => {
  const ids = await createQueued(12)
  const [unknown, over] = [ids.slice(0, 4), ids.slice(4, 8)]
  for (const id of unknown) {
    const outcome = { type: 'UNKNOWN', reason: 'timeout' } as const
    await store.settle(settlementOf(await claim(store, id), outcome, ASK_AT_ONCE))
  }
  for (const id of over) await claim(store, id)
  const reconciler = newReconciler(5)
  await reconciler.runOnce()
  for (let round = 0; round < 3; round++) {
    for (const id of ids) await makeDue(sql, id, HOUR)
    await sql`update payments set lease_until = clock_timestamp() - interval '1 hour' where id = any(${over})`
    expect(await reconciler.runOnce()).toBe(0)
  }
  expect(await queue.stats()).toMatchObject({ ready: 12 })
  expect(await countRequeued(ids)).toBe(0)
})

// F141
test('a payment whose worker died with its job gets one job, however long that waits', async () => {
  const [id = ''] = await createQueued(1)
  await claim(store, id)
  const reconciler = newReconciler()
  await reconciler.runOnce()
  await redis.del(`${prefix}:{${PAYMENTS_QUEUE}}:jobs`)
  for (let round = 0; round < 3; round++) {
    await makeDue(sql, id, HOUR)
    await sql`update payments set lease_until = clock_timestamp() - interval '1 hour' where id = ${id}`
    expect(await reconciler.runOnce()).toBe(round === 0 ? 1 : 0)
  }
  expect(await countRequeued([id])).toBe(1)
})

// F234
test('a payment whose job was acknowledged by hand gets another one', async () => {
  const [id = ''] = await createQueued(1)
  const consumer = createConsumer<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix })
  onTestFinished(() => consumer.close())
  await consumer.claim()
  const stream = `${prefix}:{payments}:jobs`
  const entry = (await redis.xRange(stream, '-', '+'))?.[0]
  await redis.xAck(stream, 'workers', entry?.id ?? '')
  await sql`update payments set next_run_at = clock_timestamp() - interval '1 hour' where id = ${id}`
  await newReconciler().runOnce()
  expect(await countRequeued([id])).toBe(1)
  expect(await redis.xLen(stream)).toBe(2)
})

// F141
test('a delayed job that is due far later does not count as the job of a payment that is due now', async () => {
  const payment = await createPayment(store)
  await store.markQueued([payment.id], 'relay')
  await queue.enqueue('pay', { payment_id: payment.id }, { id: payment.id, delayMs: HOUR })
  const reconciler = newReconciler()
  // The first run adopts this Redis.
  await reconciler.runOnce()
  await makeDue(sql, payment.id, HOUR)
  expect(await reconciler.runOnce()).toBe(1)
})

// F141
test('without an inspector, the age of the backlog counts for questions and leases too', async () => {
  const [unknown = '', over = ''] = await createQueued(2)
  const outcome = { type: 'UNKNOWN', reason: 'timeout' } as const
  await store.settle(settlementOf(await claim(store, unknown), outcome, ASK_AT_ONCE))
  await claim(store, over)
  await makeDue(sql, unknown, HOUR / 2)
  await makeDue(sql, over, HOUR / 2)
  await sql`update payments set lease_until = clock_timestamp() - interval '30 minutes' where id = ${over}`
  const waiting = {
    name: PAYMENTS_QUEUE,
    enqueueMany: queue.enqueueMany,
    stats: async () => ({ ...(await queue.stats()), oldestReadyMs: HOUR }),
  }
  const ages = { queuedGraceMs: 1_000, processingGraceMs: 1_000 }
  expect(await createReconciler({ store, queue: waiting, prefix, ...ages }).runOnce()).toBe(0)
  expect(await countRequeued([unknown, over])).toBe(0)
})
