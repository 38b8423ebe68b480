import { createTestDatabase, eventually, testPrefix } from '@titan/testkit'
import {
  createPaymentHandler,
  createPaymentStore,
  createReconciler,
  createRelay,
  createSimulatedGateway,
  migrate,
  openDatabase,
  PAYMENTS_QUEUE,
  type PaymentJobs,
} from '@titan/payments'
import { createQueue, createWorker } from '@titan/queue-core'
import { redisOf } from '@titan/testkit/vitest'
import fc from 'fast-check'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { BOUNDS, seed } from './support/fuzz.ts'

const PATIENT = { timeoutMs: 120_000, intervalMs: 50 }

const database = await createTestDatabase(inject('databaseUrl'))
const sql = openDatabase(database.url, { poolSize: 4 })
const redis = await createClient({ url: inject('redisUrl') }).connect()
const prefix = testPrefix()
const base = `${prefix}:{${PAYMENTS_QUEUE}}`
const store = createPaymentStore(sql)
const queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix })
const gateway = createSimulatedGateway({ delayMs: 1 })
const relay = createRelay({ store, queue, intervalMs: 100, minAgeMs: 0 })
const reconciler = createReconciler({
  store,
  queue,
  redis: redisOf(redis),
  prefix,
  intervalMs: 100,
  queuedGraceMs: 200,
  processingGraceMs: 100,
})
const pay = createPaymentHandler({ store, gateway })
const worker = createWorker<PaymentJobs>(
  redis,
  PAYMENTS_QUEUE,
  { pay },
  { prefix, concurrency: 8, maxAttempts: 2, backoff: () => 1 },
)
/** Payments that are over before anything is forged. */
const over: string[] = []
let made = 0

beforeAll(async () => {
  await migrate(sql)
  await worker.start()
  relay.start()
  reconciler.start()
  over.push(await create(), await create())
  for (const id of over) await eventually(async () => (await store.get(id))?.status === 'SUCCESS', PATIENT)
})

afterAll(async () => {
  await Promise.all([worker.stop({ graceMs: 0 }), relay.stop(), reconciler.stop()])
  const keys = await redis.keys(`${prefix}:*`)
  if (keys.length > 0) await redis.del(keys)
  redis.destroy()
  await sql.end({ timeout: 1 })
  await database.drop()
})

async function create(): Promise<string> {
  const answer = await store.create({ amount: 100 + made, idempotencyKey: `key-${made++}` })
  if (answer.kind !== 'created') throw new Error(`a new key was answered ${answer.kind}`)
  return answer.payment.id
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom('', '\u0000', 'n', 'd', 'm', 'pay', '__proto__', 'pay_1', '\n\n\n\n\n\n\n', '-1', '1e999'),
  fc.nat({ max: 100_000 }).map((length) => 'x'.repeat(length)),
)

/** What a `pay` job may hold: payments that do not exist or are over, and no payment at all. */
const anyData = fc.oneof(
  fc.constantFrom(0, 1).map((index) => ({ index })),
  fc
    .oneof(anyText, fc.jsonValue({ maxDepth: 2 }))
    .map((id) => ({ text: JSON.stringify({ payment_id: id }) })),
  fc.jsonValue({ maxDepth: 3 }).map((value) => ({ text: JSON.stringify(value) })),
  anyText.map((text) => ({ text })),
  fc.constantFrom('null', '[]', '5', '{', '', '{"__proto__":{"payment_id":"x"}}').map((text) => ({ text })),
)

/** Members of the meta with values of the wrong type or size. No ordering key: a forged one may hold itself back. */
const anyMeta = fc.oneof(
  fc
    .dictionary(
      fc.constantFrom(
        'id',
        'dedupe',
        'failures',
        'crashes',
        'maxAttempts',
        'timeoutMs',
        'backoff',
        'enqueuedAt',
        'history',
        'redrives',
        'origin',
        'traceparent',
        'unknown',
      ),
      fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom(-1, 0, 1e308, 2 ** 31, 0.5, 'x')),
      { maxKeys: 4 },
    )
    .map((meta) => JSON.stringify(meta)),
  anyText,
)

const dataOf = (data: { index: number } | { text: string }): string =>
  'text' in data ? data.text : JSON.stringify({ payment_id: over[data.index] })

type Act = (id: string) => Promise<unknown>

const STREAMS = ['jobs', 'jobs:high', 'jobs:low'] as const
const add = (stream: string, fields: readonly string[]): Promise<unknown> =>
  redis.sendCommand(['XADD', `${base}:${stream}`, '*', ...fields])

const anyEntry: fc.Arbitrary<Act> = fc
  .tuple(
    fc.constantFrom(...STREAMS),
    fc.oneof(
      fc.tuple(anyData, fc.option(anyMeta)).map(([data, meta]) => ({ data, meta })),
      fc.array(anyText, { minLength: 1, maxLength: 7 }),
      fc.constant(Array.from({ length: 3_000 }, (_, index) => `field ${index}`)),
    ),
  )
  .map(([stream, what]) => () => {
    if (!Array.isArray(what)) {
      const meta = what.meta === null ? [] : ['m', what.meta]
      return add(stream, ['n', 'pay', 'd', dataOf(what.data), ...meta])
    }
    return add(stream, what.length % 2 === 0 ? what : [...what, ''])
  })

const anyDelayed: fc.Arbitrary<Act> = fc
  .tuple(
    fc.oneof(
      anyText,
      fc
        .tuple(fc.constantFrom('1', '2', '3'), fc.constantFrom('', '1', 'x'), anyMeta, anyData)
        .map(([level, dedupe, meta, data]) => `${level}\nforged\n${dedupe}\n\npay\n${meta}\n${dataOf(data)}`),
    ),
    fc.constantFrom('1', '-1', '-inf', '0.5'),
    fc.boolean(),
  )
  .map(([envelope, due, isThere]) => async (id) => {
    await redis.sendCommand(['ZADD', `${base}:delayed`, due, `forged-${id}`])
    if (isThere) await redis.sendCommand(['HSET', `${base}:delayed:jobs`, `forged-${id}`, envelope])
  })

const anyControl: fc.Arbitrary<Act> = fc
  .array(fc.oneof(anyText, fc.constantFrom('e', 'v', 'resumed', 'due', 'released', 'nothing')), {
    minLength: 2,
    maxLength: 2,
  })
  .map((fields) => () => add('control', fields))

/** Says of a payment that its job is done: as text, and as something that no marker is. */
const anyMarker: fc.Arbitrary<Act> = fc.oneof(anyText, fc.constant(undefined)).map((text) => async (id) => {
  const key = `${base}:processed:${id}`
  // In one step: a worker may write the marker at this very moment.
  const multi = redis.multi().del(key)
  return (text === undefined ? multi.hSet(key, 'a', 'b') : multi.set(key, text)).exec()
})

const anyAct = fc.oneof(
  { weight: 5, arbitrary: anyEntry },
  { weight: 2, arbitrary: anyDelayed },
  { weight: 1, arbitrary: anyControl },
  { weight: 1, arbitrary: anyMarker },
)

test(
  `payments are charged once beside forged entries, and none is charged because of them (seed ${seed})`,
  BOUNDS.test,
  async () => {
    const good: string[] = []
    await fc.assert(
      fc.asyncProperty(fc.array(anyAct, { minLength: 1, maxLength: 10 }), async (acts) => {
        const id = await create()
        good.push(id)
        for (const act of acts) await act(id)
        relay.nudge([id])
      }),
      // Nothing is expected of a single run, so there is nothing to shrink.
      { seed, ...BOUNDS.runs(40), endOnFailure: true },
    )

    await eventually(async () => {
      const payments = await Promise.all(good.map((id) => store.get(id)))
      expect(
        payments.filter((payment) => payment?.status !== 'SUCCESS').map((payment) => payment?.id),
      ).toEqual([])
      expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0, delayed: 0, parked: 0 })
    }, PATIENT)
    expect(gateway.ledger.map(({ paymentId }) => paymentId).toSorted()).toEqual([...good, ...over].toSorted())
    expect((await queue.deadLetters({ count: 10 })).length).toBeGreaterThan(0)
  },
)
