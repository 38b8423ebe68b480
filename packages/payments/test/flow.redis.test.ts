import { createQueue, createWorker, type Worker } from '@titan/queue-core'
import { startRedis } from '@titan/servers'
import { eventually, testPrefix } from '@titan/testkit'
import { afterAll, expect, test } from 'vitest'
import {
  createPaymentHandler,
  createPaymentStore,
  createReconciler,
  createRelay,
  createSimulatedGateway,
  PAYMENTS_QUEUE,
  type PaymentJobs,
  type SimulatedGateway,
} from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { findBreaches } from './support/ledger.ts'
import { newKey } from './support/payments.ts'
import { connectRedis, redisOf } from '@titan/testkit/vitest'

// A separate Redis: it is flushed here.
const server = await startRedis()
afterAll(() => server.stop())
const redis = await connectRedis(server.url)

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

const policy = { retryBaseMs: 5, retryMaxMs: 50, maxRetries: 30, unknownDelaysMs: [10, 30], maxResolves: 200 }

/** Everything between a stored payment and its end, with short times. */
function startSystem(gateway: SimulatedGateway): {
  readonly relay: ReturnType<typeof createRelay>
  stop(): Promise<void>
} {
  const prefix = testPrefix()
  const queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix })
  const relay = createRelay({ store, queue, intervalMs: 20, minAgeMs: 20 })
  const times = { intervalMs: 50, queuedGraceMs: 300, processingGraceMs: 100 }
  const reconciler = createReconciler({ store, queue, redis: redisOf(redis), prefix, ...times })
  const workers = ['w1', 'w2'].map((worker): Worker => {
    const pay = createPaymentHandler({
      store,
      gateway,
      worker,
      policy,
      gatewayTimeoutMs: 200,
      leaseMs: 2_200,
    })
    return createWorker<PaymentJobs>(
      redis,
      PAYMENTS_QUEUE,
      { pay },
      { prefix, concurrency: 20, visibilityMs: 2_000 },
    )
  })
  relay.start()
  reconciler.start()
  void Promise.all(workers.map((worker) => worker.start()))
  return {
    relay,
    async stop() {
      await Promise.all([
        relay.stop(),
        reconciler.stop(),
        ...workers.map((worker) => worker.stop({ graceMs: 1_000 })),
      ])
      await queue.close()
    },
  }
}

async function createMany(count: number, relay: ReturnType<typeof createRelay>): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const answer = await store.create({ amount: index + 1, idempotencyKey: newKey() })
      // Every third is left to the loop, as after a crash between COMMIT and enqueue.
      if (answer.kind === 'created' && index % 3 !== 0) relay.nudge([answer.payment.id])
    }),
  )
}

async function untilAllEnded(): Promise<void> {
  await eventually(
    async () => {
      const rows =
        await sql`select 1 from payments where status not in ('SUCCESS', 'FAILED') and not needs_review limit 1`
      return rows.length === 0
    },
    { timeoutMs: 60_000, intervalMs: 50 },
  )
}

test(
  'every payment ends, charged at most once, whatever the gateway does and however often Redis is wiped',
  { timeout: 90_000 },
  async () => {
    const gateway = createSimulatedGateway({
      delayMs: 2,
      seed: 7,
      transientRate: 0.15,
      unknownRate: 0.25,
      declineRate: 0.1,
    })
    const system = startSystem(gateway)
    try {
      for (let wave = 0; wave < 3; wave++) {
        await createMany(100, system.relay)
        await redis.flushAll()
      }
      await untilAllEnded()
    } finally {
      await system.stop()
    }
    expect(await findBreaches(sql, store, gateway.ledger)).toEqual([])
    expect(gateway.mismatches).toBe(0)
    const counts = await store.counts()
    expect(counts.byStatus.SUCCESS + counts.byStatus.FAILED).toBe(300)
    expect(counts.byStatus.SUCCESS).toBe(gateway.ledger.length)
    expect(counts.needsReview).toBe(0)
  },
)
