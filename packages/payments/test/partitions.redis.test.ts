import { createInspector, createQueue, createWorker, partitionOf } from '@titan/queue-core'
import { startRedis } from '@titan/servers'
import { eventually, testPrefix } from '@titan/testkit'
import { connectRedis, createMigratedDatabase, redisOf } from '@titan/testkit/vitest'
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import {
  createPaymentHandler,
  createPaymentStore,
  createReconciler,
  createRelay,
  createSimulatedGateway,
  PAYMENTS_QUEUE,
  type PaymentJobs,
  type PaymentsEvent,
  type ReconcilerOptions,
} from '../src/index.ts'
import { createPayment } from './support/payments.ts'

// A separate Redis: it is restarted here.
const server = await startRedis()
afterAll(() => server.stop())
const redis = await connectRedis(server.url)
const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

const partitions = 3
let prefix: string
let queue: ReturnType<typeof createQueue<PaymentJobs>>

beforeEach(async () => {
  await sql`delete from queue_epochs`
  // Payments of the test before are left to nobody.
  await sql`update payments set status = 'PROCESSING', needs_review = true, fence = fence + 1, event_seq = event_seq + 1
             where status = 'QUEUED'`
  prefix = testPrefix()
  queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix, partitions })
})

function newReconciler(options: Partial<ReconcilerOptions> = {}) {
  return createReconciler({ store, queue, redis: redisOf(redis), prefix, partitions, ...options })
}

/** Creates payments and their jobs; returns their ids by partition. */
async function createQueued(count: number): Promise<string[][]> {
  const payments = await Promise.all(Array.from({ length: count }, () => createPayment(store)))
  await createRelay({ store, queue }).runOnce()
  const byPartition: string[][] = Array.from({ length: partitions }, () => [])
  for (const { id } of payments) byPartition[partitionOf(id, partitions)]?.push(id)
  return byPartition
}

/** Loses what one master had. */
async function wipe(partition: number): Promise<void> {
  const lost = await redis.keys(`${prefix}:{${PAYMENTS_QUEUE}:${partition}}:*`)
  expect(lost).toContain(`${prefix}:{${PAYMENTS_QUEUE}:${partition}}:epoch`)
  await redis.del(lost)
}

/** A Redis where the master of one partition does not answer. */
function withoutMasterOf(partition: number): ReconcilerOptions['redis'] {
  const { client, send } = redisOf(redis)
  return {
    client,
    send: (key, args) =>
      key.includes(`{${PAYMENTS_QUEUE}:${partition}}`)
        ? Promise.reject(new Error('CLUSTERDOWN Hash slot not served'))
        : send(key, args),
  }
}

// F26
test('after the loss of one partition its payments come back at once, and no other is enqueued', async () => {
  const ids = await createQueued(30)
  const reconciler = newReconciler()
  await reconciler.runOnce()
  await wipe(1)
  const enqueued: string[] = []
  const watched = newReconciler({
    queue: {
      ...queue,
      enqueueMany(jobs) {
        enqueued.push(...jobs.map(({ id = '' }) => id))
        return queue.enqueueMany(jobs)
      },
    },
  })
  expect(await watched.runOnce()).toBe(ids[1]?.length)
  expect(enqueued.toSorted()).toEqual(ids[1]?.toSorted())
  expect(await queue.stats()).toMatchObject({ ready: 30 })
  expect(await reconciler.runOnce()).toBe(0)
})

// F28
test('a process of another id makes every partition it holds checked, and what is there is left', async () => {
  await createQueued(9)
  const reconciler = newReconciler()
  await reconciler.runOnce()
  // As a replica that took over: the mark is there, the id of the process is another, and the last job is missing.
  await sql`update queue_epochs set run_id = 'the master before'`
  const [last] = await createInspector(redis, PAYMENTS_QUEUE, { prefix, partitions }).peek('ready', 1)
  await queue.cancel(last?.id ?? '')
  expect(await reconciler.runOnce()).toBe(1)
  expect(await reconciler.runOnce()).toBe(0)
  expect(await queue.stats()).toMatchObject({ ready: 9 })
})

test('a master that is away holds up no partition of another, and is reported', async () => {
  const ids = await createQueued(30)
  await newReconciler().runOnce()
  await wipe(1)
  const events: PaymentsEvent[] = []
  const reconciler = newReconciler({ redis: withoutMasterOf(0), onEvent: (event) => events.push(event) })
  await expect(reconciler.runOnce()).rejects.toThrow(/CLUSTERDOWN/)
  expect(events).toEqual([{ type: 'queue_rebuilt', count: ids[1]?.length }])
  expect(await queue.stats()).toMatchObject({ ready: 30 })
})

test('no payment is charged twice after the loss of one partition while workers run', async () => {
  const ids = await createQueued(60)
  const gateway = createSimulatedGateway({ delayMs: 1 })
  const pay = createPaymentHandler({ store, gateway, worker: 'w1' })
  const options = { prefix, partitions, concurrency: 4 }
  const worker = createWorker<PaymentJobs>(redis, PAYMENTS_QUEUE, { pay }, options)
  onTestFinished(() => worker.stop({ graceMs: 0 }))
  const reconciler = newReconciler()
  await reconciler.runOnce()
  await wipe(0)
  await worker.start()
  await reconciler.runOnce()
  await eventually(async () => {
    const { byStatus } = await store.counts()
    expect(byStatus).toMatchObject({ QUEUED: 0, SUCCESS: 60 })
  })
  const charged = gateway.requests.map(({ paymentId }) => paymentId)
  expect(charged.toSorted()).toEqual(ids.flat().toSorted())
})
