import { startRedis } from '@titan/servers'
import { createTestDatabase, testPrefix } from '@titan/testkit'
import {
  createPaymentStore,
  createReconciler,
  createRelay,
  migrate,
  openDatabase,
  PAYMENTS_QUEUE,
  type PaymentJobs,
} from '@titan/payments'
import { createQueue } from '@titan/queue-core'
import { redisOf } from '@titan/testkit/vitest'
import { createClient } from 'redis'
import { afterAll, beforeEach, expect, inject, it, onTestFinished } from 'vitest'
import { recover } from '../src/index.ts'
import { CLEAR_LINE, onTerminal, readJson, runHere } from './support/in-process.ts'
import { runTitan } from './support/titan.ts'

// A separate Redis: it is flushed here.
const server = await startRedis()
const database = await createTestDatabase(inject('databaseUrl'))
const sql = openDatabase(database.url, { poolSize: 3 })
await migrate(sql)
const redis = createClient({ url: server.url })
await redis.connect()
afterAll(async () => {
  redis.destroy()
  await sql.end({ timeout: 1 })
  await database.drop()
  await server.stop()
})

const store = createPaymentStore(sql)
let prefix: string
let queue: ReturnType<typeof createQueue<PaymentJobs>>
let env: Record<string, string>
let round = 0

beforeEach(async () => {
  // Payments of the test before are left to nobody.
  await sql`update payments set status = 'PROCESSING', needs_review = true, fence = fence + 1, event_seq = event_seq + 1
             where status = 'QUEUED'`
  prefix = testPrefix()
  queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix })
  env = { DATABASE_URL: database.url, REDIS_URL: server.url, QUEUE_PREFIX: prefix }
})

async function create(count: number): Promise<void> {
  round++
  const keys = Array.from({ length: count }, (_, index) => `${round}-${index}`)
  await Promise.all(keys.map((idempotencyKey) => store.create({ amount: 500, idempotencyKey })))
}

async function relayAll(): Promise<void> {
  const relay = createRelay({ store, queue })
  while ((await relay.runOnce()) > 0);
}

it(
  'after FLUSHALL every payment gets its job back, and a second run adds nothing',
  { timeout: 60_000 },
  async () => {
    await create(500)
    await relayAll()
    await redis.flushAll()

    const dry = await runTitan(['recover', '--dry-run'], env)
    expect(dry).toEqual({ code: 0, stdout: '500 jobs would be added, 0 already there\n', stderr: '' })
    expect(await queue.stats()).toMatchObject({ ready: 0 })

    const first = await runTitan(['recover'], env)
    expect(first).toEqual({ code: 0, stdout: '500 jobs added, 0 already there\n', stderr: '' })
    expect(await queue.stats()).toMatchObject({ ready: 500, delayed: 0 })

    const second = await runTitan(['recover'], env)
    expect(second.stdout).toBe('0 jobs added, 500 already there\n')
    expect(await queue.stats()).toMatchObject({ ready: 500 })
    const [events] = await sql<{ total: number }[]>`
    select count(*) as total from payment_history where type = 'payment.requeued'`
    expect(events).toEqual({ total: 0 })
  },
)

it('adds exactly what is missing', async () => {
  await create(20)
  await relayAll()
  const lost = (await store.page({ status: 'QUEUED', limit: 7 })).payments.map(({ id }) => id)
  for (const id of lost) expect(await queue.cancel(id)).toBe('done')

  expect(await recover({ sql, redis: redisOf(redis), prefix, dryRun: true })).toEqual({
    added: 7,
    present: 13,
  })
  expect(await recover({ sql, redis: redisOf(redis), prefix })).toEqual({ added: 7, present: 13 })
  expect(await queue.stats()).toMatchObject({ ready: 20 })
})

it('brings delayed, leased and pending payments back at their own time', async () => {
  await create(4)
  await relayAll()
  const [delayed, leased] = (await store.page({ status: 'QUEUED', limit: 2 })).payments.map(({ id }) => id)
  await sql`update payments set next_run_at = clock_timestamp() + interval '1 hour' where id = ${delayed ?? ''}`
  await store.claim(leased ?? '', { owner: 'w1', leaseMs: 600_000, gateway: 'simulated' })
  await create(3)
  await redis.flushAll()

  expect(await recover({ sql, redis: redisOf(redis), prefix, dryRun: true })).toEqual({
    added: 7,
    present: 0,
  })
  const progress: number[] = []
  const onProgress = ({ added, present }: { added: number; present: number }): void => {
    progress.push(added + present)
  }
  expect(await recover({ sql, redis: redisOf(redis), prefix, onProgress })).toEqual({ added: 7, present: 0 })
  expect(await queue.stats()).toMatchObject({ ready: 5, delayed: 2 })
  expect((await store.counts()).byStatus.PENDING).toBe(0)
  expect(progress).toEqual([3, 4, 7])
  await sql`update payments set needs_review = true where id = ${leased ?? ''}`
})

it('ends while new payments keep arriving', async () => {
  await create(1)
  const busy = redis.duplicate()
  await busy.connect()
  onTestFinished(() => busy.destroy())
  const send = busy.sendCommand.bind(busy) as (...args: unknown[]) => Promise<unknown>
  const sendAfterArrival = async (...args: unknown[]): Promise<unknown> => {
    await create(1)
    return send(...args)
  }
  busy.sendCommand = sendAfterArrival as typeof busy.sendCommand

  await recover({ sql, redis: redisOf(busy), prefix })
  await relayAll()
})

it('leaves nothing for the reconciler to do', async () => {
  await create(5)
  await relayAll()
  await redis.flushAll()
  await recover({ sql, redis: redisOf(redis), prefix })
  const events: string[] = []
  const onEvent = ({ type }: { type: string }): void => {
    events.push(type)
  }

  await createReconciler({ store, queue, redis: redisOf(redis), prefix, onEvent }).runOnce()
  expect(events).toEqual([])
})

it('answers programs in JSON, without touching anything when it only counts', async () => {
  await create(3)
  await relayAll()
  await redis.flushAll()

  const counted = await readJson(['recover', '--dry-run'], env)
  expect(counted).toEqual({ added: 3, present: 0, dryRun: true })
  expect(await readJson(['recover'], env)).toEqual({ added: 3, present: 0, dryRun: false })
  expect(await readJson(['recover'], env)).toEqual({ added: 0, present: 3, dryRun: false })
})

it('shows people on a terminal how far it is, and takes that away again', async () => {
  await create(2)
  const { stdout, stderr } = await onTerminal(() => runHere(['recover'], env))

  expect(stdout).toBe('2 jobs added, 0 already there\n')
  expect(stderr).toContain('2 of 2 payments')
  expect(stderr.lastIndexOf(CLEAR_LINE)).toBeGreaterThan(stderr.lastIndexOf('payments'))
})

it('ends with code 2 when Redis cannot be reached', { timeout: 60_000 }, async () => {
  const away = { ...env, REDIS_URL: 'redis://127.0.0.1:1', CONNECT_TIMEOUT_MS: '100' }
  const { code, stdout, stderr } = await runTitan(['recover'], away)
  expect(stderr).toContain('titan recover: cannot use Redis at 127.0.0.1:1: ')
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
})
