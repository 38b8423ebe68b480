import {
  createPaymentHandler,
  createPaymentStore,
  createReconciler,
  createRelay,
  createSimulatedGateway,
  PAYMENTS_QUEUE,
  recordPartitions,
  type PaymentJobs,
} from '@titan/payments'
import {
  createQueue,
  createWorker,
  partitionOf,
  type Handler,
  type Queue,
  type Worker,
} from '@titan/queue-core'
import { startRedisCluster, type ClusterNode } from '@titan/servers/topologies'
import { createLog, createRedis } from '@titan/service'
import { eventually } from '@titan/testkit'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import type { Diagnosis } from '../src/doctor/diagnosis.ts'
import { readJson, runHere } from './support/in-process.ts'

// The payments' queue in three partitions of a real cluster: three masters, a replica each.
const folder = mkdtempSync(join(tmpdir(), 'titan-cluster-'))
const cluster = await startRedisCluster(folder, { isPersistent: false })
const { sql, url: databaseUrl } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const partitions = 3
const prefix = 'titan'
const redis = createRedis(cluster.url, createLog('test', { logLevel: 'error', logFormat: 'json' }))
const env = { DATABASE_URL: databaseUrl, REDIS_URL: cluster.url, QUEUE_PARTITIONS: String(partitions) }
const queue: Queue<PaymentJobs> = createQueue(redis.client, PAYMENTS_QUEUE, { partitions })

beforeAll(async () => {
  await redis.connect(10_000)
  await recordPartitions(sql, PAYMENTS_QUEUE, partitions)
})

afterAll(async () => {
  redis.close()
  await cluster.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Payments that a test leaves with their jobs. */
let waiting: readonly string[] = []

const newReconciler = () => createReconciler({ store, queue, redis, partitions })

async function createQueued(count: number): Promise<string[]> {
  const created = await Promise.all(
    Array.from({ length: count }, () => store.create({ amount: 500, idempotencyKey: crypto.randomUUID() })),
  )
  await createRelay({ store, queue }).runOnce()
  return created.flatMap((answer) => ('payment' in answer ? [answer.payment.id] : []))
}

function newWorker(pay: Handler<'pay', PaymentJobs['pay']>): Worker {
  const worker = createWorker<PaymentJobs>(
    redis.client,
    PAYMENTS_QUEUE,
    { pay },
    { partitions, onEvent: () => {} },
  )
  onTestFinished(() => worker.stop({ graceMs: 0 }))
  return worker
}

/** The partitions that a master holds. */
async function partitionsOf(master: ClusterNode): Promise<number[]> {
  const held: number[] = []
  for (let index = 0; index < partitions; index++)
    if ((await cluster.masterOf(`${prefix}:{${PAYMENTS_QUEUE}:${index}}:jobs`)).id === master.id)
      held.push(index)
  return held
}

it('titan redrives dead letters of every partition', { timeout: 60_000 }, async () => {
  const letters = Array.from({ length: 6 }, (_none, index) => `dead-${index}`)
  for (const id of letters) await queue.enqueue('pay', { payment_id: 'pay_0' }, { id, maxAttempts: 1 })
  const worker = newWorker(() => Promise.reject(new Error('no')))
  await worker.start()
  await eventually(async () => expect(await queue.stats()).toMatchObject({ dead: 6, ready: 0, leased: 0 }))
  await worker.stop()
  expect((await readJson<{ letters: unknown[] }>(['dlq', 'list'], env)).letters).toHaveLength(6)
  expect(await readJson(['dlq', 'redrive', '--all', '--yes'], env)).toMatchObject({ redriven: 6, left: 0 })
  expect(await queue.stats()).toMatchObject({ dead: 0, ready: 6 })
  for (const id of letters) await queue.cancel(id)
})

it('titan counts, shows, pauses and verifies the jobs of every partition', { timeout: 60_000 }, async () => {
  const ids = await createQueued(12)
  waiting = ids
  expect(new Set(ids.map((id) => partitionOf(id, partitions))).size).toBe(3)
  expect(await readJson(['stats'], env)).toMatchObject({ queue: { ready: 12, paused: false } })
  const { jobs } = await readJson<{ jobs: { id: string }[] }>(['peek', '--count', '20'], env)
  expect(jobs.map(({ id }) => id).toSorted()).toEqual(ids.toSorted())
  expect(await readJson(['payments', 'show', ids[0] ?? ''], env)).toMatchObject({ job: { state: 'live' } })

  await readJson(['pause'], env)
  expect(await readJson(['stats'], env)).toMatchObject({ queue: { paused: true } })
  await readJson(['resume'], env)
  expect(await readJson(['recover', '--dry-run'], env)).toMatchObject({ added: 0, present: 12 })
  expect(await readJson(['verify'], env)).toMatchObject({ ok: true })
  const other = await runHere(['peek'], { ...env, QUEUE_PARTITIONS: '1' })
  expect(other).toMatchObject({ code: 2, stdout: '' })
  expect(other.stderr).toMatch(/QUEUE_PARTITIONS is 1, but the jobs of queue payments are in 3 partitions/)
})

it('titan doctor examines each master', { timeout: 60_000 }, async () => {
  const { stdout } = await runHere(['doctor', '--json'], env)
  const { findings } = JSON.parse(stdout) as { findings: Diagnosis[] }
  const ofCluster = findings.filter(({ id }) =>
    ['redis.cluster', 'redis.replicas', 'redis.role'].includes(id),
  )
  expect(ofCluster.map(({ id, severity, servers }) => [id, severity, servers])).toEqual([
    ['redis.role', 'ok', undefined],
    ['redis.replicas', 'ok', undefined],
    ['redis.cluster', 'ok', undefined],
  ])
  expect(findings.find(({ id }) => id === 'redis.memory')?.servers?.length ?? 3).toBeGreaterThan(0)
})

it(
  'after the loss of one master only its payments get a job, and none is charged twice',
  { timeout: 60_000 },
  async () => {
    const reconciler = newReconciler()
    await reconciler.runOnce()
    const ids = [...waiting, ...(await createQueued(24))]
    const master = await cluster.masterOf(`${prefix}:{${PAYMENTS_QUEUE}:1}:jobs`)
    const lost = await partitionsOf(master)
    const isLost = (id: string): boolean => lost.includes(partitionOf(id, partitions))
    await master.send('FLUSHALL')
    const missing = ids.filter(isLost).length
    expect(missing).toBeGreaterThan(0)
    expect(await reconciler.runOnce()).toBe(missing)
    expect(await reconciler.runOnce()).toBe(0)

    // A replica that takes over has another run id.
    await cluster.failover(await cluster.masterOf(`${prefix}:{${PAYMENTS_QUEUE}:0}:jobs`))
    await eventually(async () => expect(await reconciler.runOnce()).toBe(0))
    expect(await queue.stats()).toMatchObject({ ready: ids.length })

    const gateway = createSimulatedGateway({ delayMs: 1 })
    const pay = createPaymentHandler({ store, gateway, worker: 'w1' })
    const worker = newWorker(pay)
    await worker.start()
    await eventually(async () =>
      expect((await store.counts()).byStatus).toMatchObject({ SUCCESS: ids.length }),
    )
    const charged = gateway.requests.map(({ paymentId }) => paymentId)
    expect(charged.toSorted()).toEqual(ids.toSorted())
    expect(await readJson(['verify'], env)).toMatchObject({ ok: true })
  },
)
