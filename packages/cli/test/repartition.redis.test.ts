import {
  connectionName,
  createPaymentHandler,
  createPaymentStore,
  createRelay,
  createSimulatedGateway,
  openDatabase,
  PAYMENTS_QUEUE,
  recordPartitions,
  type PaymentJobs,
} from '@titan/payments'
import { createQueue, createWorker } from '@titan/queue-core'
import { eventually, openMigratedDatabase, testPrefix, type MigratedDatabase } from '@titan/testkit'
import { connectRedis } from '@titan/testkit/vitest'
import { afterEach, beforeEach, expect, inject, it, onTestFinished } from 'vitest'
import { readJson, runHere } from './support/in-process.ts'

const redis = await connectRedis()

let database: MigratedDatabase
let prefix: string
let env: Record<string, string>

beforeEach(async () => {
  database = await openMigratedDatabase(inject('databaseUrl'))
  prefix = testPrefix()
  env = { DATABASE_URL: database.url, REDIS_URL: inject('redisUrl'), QUEUE_PREFIX: prefix }
  await recordPartitions(database.sql, PAYMENTS_QUEUE, 1)
})

afterEach(() => database.drop())

const withPartitions = (n: number) => ({ ...env, QUEUE_PARTITIONS: String(n) })

const queueOf = (partitions: number) =>
  createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix, partitions })

async function refusalOf(): Promise<string> {
  const { code, stderr } = await runHere(['repartition'], withPartitions(3))
  expect(code).toBe(2)
  return stderr
}

it('is refused while a program is connected or a worker was alive', async () => {
  const api = openDatabase(database.url, { applicationName: connectionName('titan-api', ['stripe']) })
  await api`select 1`
  expect(await refusalOf()).toMatch(/titan-api is connected to PostgreSQL: stop every API and worker first/)
  await api.end()

  const options = { prefix, consumer: 'w1' }
  const worker = createWorker<PaymentJobs>(redis, PAYMENTS_QUEUE, { pay: () => {} }, options)
  await worker.start()
  // Its server does not see the end of a connection at once.
  await eventually(async () => expect(await refusalOf()).toMatch(/worker w1:\S+ was alive/))
  await worker.stop()
  expect(await readJson(['repartition'], withPartitions(3))).toMatchObject({ before: 1, partitions: 3 })
})

it('is refused while it would lose dead letters or a pause', async () => {
  const queue = queueOf(1)
  await queue.pause()
  expect(await refusalOf()).toMatch(/the queue is paused: run titan resume first, with QUEUE_PARTITIONS=1/)
  await queue.resume()

  await queue.enqueue('pay', { payment_id: 'pay_0' }, { maxAttempts: 1 })
  const fail = () => Promise.reject(new Error('broken'))
  const worker = createWorker<PaymentJobs>(
    redis,
    PAYMENTS_QUEUE,
    { pay: fail },
    { prefix, onEvent: () => {} },
  )
  await worker.start()
  await eventually(async () => expect(await queue.stats()).toMatchObject({ dead: 1 }))
  await worker.stop()
  expect(await refusalOf()).toMatch(/the queue has 1 dead letters: redrive or delete them first/)
})

it('moves every unfinished payment to the new number and back, and none is charged twice', async () => {
  const store = createPaymentStore(database.sql)
  const gateway = createSimulatedGateway({ delayMs: 1 })
  const ids: string[] = []
  const createQueued = async (count: number, partitions: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const created = await store.create({ amount: 500, idempotencyKey: `${ids.length}` })
      if ('payment' in created) ids.push(created.payment.id)
    }
    await createRelay({ store, queue: queueOf(partitions) }).runOnce()
  }
  /** Runs a worker until nothing is left to do. */
  const work = async (partitions: number): Promise<void> => {
    const pay = createPaymentHandler({ store, gateway, worker: 'w1' })
    const worker = createWorker<PaymentJobs>(redis, PAYMENTS_QUEUE, { pay }, { prefix, partitions })
    onTestFinished(() => worker.stop({ graceMs: 0 }))
    await worker.start()
    await eventually(async () => {
      const { ready, leased } = await queueOf(partitions).stats()
      expect([ready, leased]).toEqual([0, 0])
    })
    await worker.stop()
  }

  await createQueued(12, 1)
  expect((await runHere(['recover'], withPartitions(3))).stderr).toMatch(/QUEUE_PARTITIONS is 3, but/)
  const { stdout } = await runHere(['repartition'], withPartitions(3))
  expect(stdout).toMatch(/^queue payments has 3 partitions, before 1; \d+ keys deleted\n$/)
  expect(await redis.keys(`${prefix}:*`)).toEqual([])
  expect((await runHere(['recover'], env)).stderr).toMatch(/QUEUE_PARTITIONS is 1, but/)
  expect(await readJson(['recover'], withPartitions(3))).toMatchObject({ added: 12, present: 0 })
  await work(3)
  expect((await store.counts()).byStatus).toMatchObject({ QUEUED: 0, SUCCESS: 12 })

  await createQueued(6, 3)
  await redis.set(`${prefix}:{payments:3}:jobs`, 'of another queue')
  await redis.set(`${prefix}:{payments-2}:jobs`, 'of another queue')
  expect(await readJson(['repartition'], env)).toMatchObject({ before: 3, partitions: 1 })
  expect(await readJson(['repartition'], env)).toMatchObject({ before: 1, partitions: 1, deleted: 0 })
  expect(await redis.keys(`${prefix}:*`)).toHaveLength(2)
  await readJson(['recover'], env)
  await work(1)
  expect((await store.counts()).byStatus).toMatchObject({ QUEUED: 0, SUCCESS: 18 })
  expect(gateway.requests.map(({ paymentId }) => paymentId).toSorted()).toEqual(ids.toSorted())
})
