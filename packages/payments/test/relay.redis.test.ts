import { createQueue } from '@titan/queue-core'
import { eventually, testPrefix } from '@titan/testkit'
import { expect, inject, onTestFinished, test } from 'vitest'
import {
  createPaymentStore,
  createRelay,
  openDatabase,
  PAYMENTS_QUEUE,
  type PaymentJobs,
} from '../src/index.ts'
import type { RelayOptions } from '../src/flow/relay.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { claim, createPayment, makeDue, read } from './support/payments.ts'
import { connectRedis } from '@titan/testkit/vitest'

const { sql, url } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const redis = await connectRedis(inject('redisUrl'))

type PaymentQueue = RelayOptions['queue']

function newQueue(): ReturnType<typeof createQueue<PaymentJobs>> {
  return createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix: testPrefix() })
}

/** A queue whose server is away. */
const away: PaymentQueue = { enqueueMany: () => Promise.reject(new Error('ECONNREFUSED')) }

/** Relays what other tests left behind, so that counts are this test's own. */
async function drain(): Promise<void> {
  const relay = createRelay({ store, queue: newQueue() })
  while ((await relay.runOnce()) > 0);
}

test('a pending payment gets its job and is QUEUED', async () => {
  await drain()
  const queue = newQueue()
  const { id } = await createPayment(store)
  expect(await createRelay({ store, queue }).runOnce()).toBe(1)
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED' })
  expect((await store.events(id)).at(-1)).toMatchObject({ type: 'payment.queued', actor: 'relay' })
  expect(await queue.stats()).toMatchObject({ ready: 1 })
  expect(await queue.enqueue('pay', { payment_id: id }, { id })).toEqual({ id, duplicate: true })
})

test('the job holds the id of the payment and nothing else', async () => {
  const prefix = testPrefix()
  const queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix })
  const { id } = await createPayment(store, 123_457)
  createRelay({ store, queue }).nudge([id])
  const entries = await eventually(async () => {
    const found = await redis.xRange(`${prefix}:{${PAYMENTS_QUEUE}}:jobs`, '-', '+')
    return found !== null && found.length > 0 && found
  })
  expect(entries.map(({ message }) => [message['n'], message['d']])).toEqual([
    ['pay', JSON.stringify({ payment_id: id })],
  ])
  expect(JSON.stringify(entries)).not.toContain('123457')
})

test('a relay that dies between enqueue and mark leaves a duplicate at most', async () => {
  await drain()
  const queue = newQueue()
  const { id } = await createPayment(store)
  const dying: PaymentQueue = {
    async enqueueMany(jobs) {
      await queue.enqueueMany(jobs)
      throw new Error('killed')
    },
  }
  await expect(createRelay({ store, queue: dying }).runOnce()).rejects.toThrow('killed')
  expect(await read(store, id)).toMatchObject({ status: 'PENDING' })
  expect(await createRelay({ store, queue }).runOnce()).toBe(1)
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED' })
  expect(await queue.stats()).toMatchObject({ ready: 1 })
})

test('a job that runs before its payment is marked finds the payment claimable', async () => {
  await drain()
  const { id } = await createPayment(store)
  const other = createPaymentStore(openForTest())
  const early: { answer?: Promise<unknown> } = {}
  const queue: PaymentQueue = {
    enqueueMany() {
      // The relay holds the row here, so the claim waits for the mark instead of finding nothing.
      early.answer = other.claim(id, { owner: 'w1', leaseMs: 10_000, gateway: 'simulated' })
      return Promise.resolve([{ id, duplicate: false }])
    },
  }
  await createRelay({ store, queue }).runOnce()
  expect(await early.answer).toMatchObject({ kind: 'claimed', claim: { paymentId: id } })
})

// F25
test('with Redis away payments stay PENDING, and go when it is back', async () => {
  await drain()
  const { id } = await createPayment(store)
  await expect(createRelay({ store, queue: away }).runOnce()).rejects.toThrow('ECONNREFUSED')
  expect(await read(store, id)).toMatchObject({ status: 'PENDING' })
  expect(await createRelay({ store, queue: newQueue() }).runOnce()).toBe(1)
})

test('a Redis that never answers holds the rows for the timeout only, and is asked no more until it answers', async () => {
  await drain()
  const { id } = await createPayment(store)
  let asked = 0
  const mute: PaymentQueue = {
    enqueueMany() {
      asked++
      return new Promise(() => {})
    },
  }
  const relay = createRelay({ store, queue: mute, timeoutMs: 50 })
  await expect(relay.runOnce()).rejects.toThrow('did not answer within 50 ms')
  await expect(relay.runOnce()).rejects.toThrow('has not answered an earlier request')
  expect(asked).toBe(1)
  expect(await claim(store, id)).toMatchObject({ paymentId: id })
})

test('relays that run at the same time share the work', async () => {
  await drain()
  const queue = newQueue()
  await Promise.all(Array.from({ length: 60 }, () => createPayment(store)))
  const relays = Array.from({ length: 3 }, () => createRelay({ store, queue, batchSize: 20 }))
  let total = 0
  for (let round = 0; round < 3; round++)
    for (const count of await Promise.all(relays.map((relay) => relay.runOnce()))) total += count
  expect(total).toBe(60)
  expect(await queue.stats()).toMatchObject({ ready: 60 })
})

test('a nudge with ids relays these at once, without the loop', async () => {
  await drain()
  const queue = newQueue()
  const relay = createRelay({ store, queue })
  const payments = await Promise.all(Array.from({ length: 30 }, () => createPayment(store)))
  for (const { id } of payments) relay.nudge([id])
  await eventually(async () => (await queue.stats()).ready === 30)
  await eventually(async () =>
    (await Promise.all(payments.map(({ id }) => read(store, id)))).every(({ status }) => status === 'QUEUED'),
  )
  await relay.stop()
})

test('a nudge that fails is reported and left to the loop', async () => {
  await drain()
  const errors: unknown[] = []
  const queue = newQueue()
  let isAway = true
  const flaky: PaymentQueue = { enqueueMany: (jobs) => (isAway ? away : queue).enqueueMany(jobs) }
  const relay = createRelay({
    store,
    queue: flaky,
    intervalMs: 20,
    minAgeMs: 0,
    onEvent: (event) => event.type === 'error' && errors.push(event.error),
  })
  const { id } = await createPayment(store)
  relay.nudge([id])
  await eventually(() => errors.length > 0)
  isAway = false
  relay.start()
  await eventually(async () => (await read(store, id)).status === 'QUEUED')
  await relay.stop()
})

test('the loop leaves young payments to the program that created them', async () => {
  await drain()
  const relay = createRelay({ store, queue: newQueue(), intervalMs: 10, minAgeMs: 60_000 })
  const [young, old] = [await createPayment(store), await createPayment(store)]
  await makeDue(sql, old.id, 61_000)
  relay.start()
  await eventually(async () => (await read(store, old.id)).status === 'QUEUED')
  await relay.stop()
  expect(await read(store, young.id)).toMatchObject({ status: 'PENDING' })
})

test('starting and stopping twice does no harm', async () => {
  const relay = createRelay({ store, queue: newQueue(), intervalMs: 10 })
  relay.start()
  relay.start()
  await relay.stop()
  await relay.stop()
})

function openForTest(): ReturnType<typeof openDatabase> {
  const pool = openDatabase(url)
  onTestFinished(() => pool.end({ timeout: 5 }))
  return pool
}
