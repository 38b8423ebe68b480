import { createTestDatabase, eventually, startTcpProxy, testPrefix } from '@titan/testkit'
import { createPaymentStore, migrate, openDatabase, PAYMENTS_QUEUE, type PaymentJobs } from '@titan/payments'
import { createLog, createRedis } from '@titan/service'
import { createQueue } from '@titan/queue-core'
import { afterAll, expect, inject, it } from 'vitest'
import { createApiMetrics } from '../src/api-metrics.ts'

const PATIENT = { timeoutMs: 60_000 }

const database = await createTestDatabase(inject('databaseUrl'))
const direct = openDatabase(database.url, { poolSize: 1 })
await migrate(direct)
const redisUrl = inject('redisUrl')
const [toPostgres, toRedis] = await Promise.all([startTcpProxy(database.url), startTcpProxy(redisUrl)])
const redis = createRedis(
  toRedis.through(redisUrl),
  createLog('test', { logLevel: 'silent', logFormat: 'json' }),
)
await redis.connect()
const queue = createQueue<PaymentJobs>(redis.client, PAYMENTS_QUEUE, { prefix: testPrefix() })
const { stores, registry } = createApiMetrics('1.0.0')
let stop: (() => Promise<void>) | undefined

afterAll(async () => {
  await stop?.()
  redis.close()
  await Promise.all([toPostgres.close(), toRedis.close(), direct.end({ timeout: 1 })])
  await database.drop()
})

/** The values of one metric by its labels; none when it is absent. */
async function read(name: string): Promise<Readonly<Record<string, number>>> {
  const lines = (await registry.metrics()).split('\n').map((line) => /^(\w+)(?:\{(.*)\})? (.+)$/.exec(line))
  return Object.fromEntries(
    lines.flatMap((line) => (line?.[1] === name ? [[line[2] ?? '', Number(line[3])]] : [])),
  )
}

it('tells nothing of stores before it is told where they are, then what is in them, and nothing again while they are silent', async () => {
  expect(await read('titan_payments')).toEqual({})
  expect(await read('titan_postgres_up')).toEqual({})

  await createPaymentStore(direct).create({ amount: 1, idempotencyKey: 'one' })
  await queue.enqueue('pay', { payment_id: 'pay_1' }, { delayMs: 3_600_000 })
  stop = stores.observe({ databaseUrl: toPostgres.through(database.url), queues: [queue] })

  await eventually(async () => expect(await read('titan_postgres_up')).toEqual({ '': 1 }), PATIENT)
  expect(await read('titan_payments')).toMatchObject({ 'status="PENDING"': 1, 'status="SUCCESS"': 0 })
  const age = (await read('titan_payments_oldest_pending_seconds'))['']
  expect(age).toBeGreaterThan(0)
  await eventually(async () => expect(await read('titan_redis_up')).toEqual({ '': 1 }), PATIENT)
  expect(await read('titan_queue_jobs')).toMatchObject({ 'queue="payments",state="delayed"': 1 })

  await Promise.all([toPostgres, toRedis].map((proxy) => proxy.set({ type: 'silence' })))
  await eventually(async () => expect(await read('titan_postgres_up')).toEqual({ '': 0 }), PATIENT)
  await eventually(async () => expect(await read('titan_redis_up')).toEqual({ '': 0 }), PATIENT)
  for (const name of ['titan_payments', 'titan_payments_oldest_pending_seconds', 'titan_queue_jobs'])
    expect(await read(name), name).toEqual({})
  expect(await read('titan_build_info')).not.toEqual({})

  await Promise.all([toPostgres, toRedis].map((proxy) => proxy.set()))
  await eventually(async () => expect(await read('titan_postgres_up')).toEqual({ '': 1 }), PATIENT)
  // The program's own client is asked: it is what must be back.
  redis.close()
  await redis.connect()
  await eventually(async () => expect(await read('titan_redis_up')).toEqual({ '': 1 }), PATIENT)

  await stop()
  expect(await read('titan_payments')).toEqual({})
}, 180_000)
