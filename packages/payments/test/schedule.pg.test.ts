import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import { expirePayments } from '../src/flow/expiry.ts'
import {
  createPaymentHandler,
  createPaymentStore,
  createSimulatedGateway,
  DEFAULT_RETRY_POLICY,
  type PaymentRequest,
} from '../src/index.ts'
import { decide } from '../src/domain/decision.ts'
import { claimOf } from './support/claims.ts'
import { createPay } from './support/pay.ts'
import { claim, expireLease, makeDue, newKey, read } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const HOUR = 3_600_000

async function create(more: Partial<PaymentRequest>): Promise<string> {
  const answer = await store.create({ amount: 500, idempotencyKey: newKey(), ...more })
  if (answer.kind !== 'created') throw new Error(answer.kind)
  return answer.payment.id
}

const later = () => new Date(Date.now() + HOUR)

/** Lets the time of a payment pass. */
async function pass(id: string, column: 'execute_at' | 'expires_at', ago = '1 second'): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`set local session_replication_role = replica`
    await transaction`
      update payments set ${transaction(column)} = clock_timestamp() - ${ago}::interval,
             next_run_at = least(next_run_at, clock_timestamp()) where id = ${id}`
  })
}

async function relay(): Promise<string[]> {
  const enqueued: string[] = []
  await store.relayPending({
    limit: 1_000,
    minAgeMs: 0,
    actor: 'relay',
    enqueue: async (payments) => void enqueued.push(...payments.map(({ id }) => id)),
  })
  return enqueued
}

const expire = () => expirePayments({ store, limit: 100, actor: 'reconciler', onEvent: () => {} })

function handler(charged: string[], outcome: 'succeed' | 'unknown' = 'succeed') {
  const gateway = createSimulatedGateway({ delayMs: 0, successRate: 1 })
  const pay = createPaymentHandler({
    store,
    gateway: {
      ...gateway,
      async charge(request, options) {
        charged.push(request.paymentId)
        return outcome === 'unknown' ? { type: 'UNKNOWN', reason: 'lost' } : gateway.charge(request, options)
      },
    },
  })
  return async (id: string) => {
    try {
      await pay({ id, data: { payment_id: id } }, { signal: new AbortController().signal })
    } catch (error) {
      return error
    }
    return undefined
  }
}

test('a scheduled payment is neither relayed nor claimed early, ages only when due, and can be canceled', async () => {
  const [id, other] = [await create({ executeAt: later() }), await create({ executeAt: later() })]
  expect(await relay()).not.toContain(id)
  expect(await store.claim(id, { owner: 'w', leaseMs: 10_000, gateway: 'simulated' })).toMatchObject({
    kind: 'skipped',
    reason: 'not_due',
  })
  expect(await store.counts()).toMatchObject({
    oldestPendingMs: 0,
    oldestUnfinishedMs: 0,
    byStatus: { PENDING: 2 },
  })
  expect(await store.cancel(other, { actor: 'api', reason: 'canceled' })).toBe(true)

  await pass(id, 'execute_at')
  expect((await store.counts()).oldestPendingMs).toBeGreaterThan(0)
  expect(await relay()).toContain(id)
  expect(await claim(store, id)).toMatchObject({ mode: 'send' })
})

test('a mark that comes too early does not make a payment due', async () => {
  const executeAt = later()
  const id = await create({ executeAt })
  await store.markQueued([id], 'relay')
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED', nextRunAt: executeAt })
})

test('relay and reconciler know the priority of each job', async () => {
  const id = await create({ priority: 'low' })
  const seen: unknown[] = []
  await store.relayPending({
    limit: 1_000,
    minAgeMs: 0,
    actor: 'relay',
    enqueue: async (payments) => void seen.push(...payments.filter((one) => one.id === id)),
  })
  const { jobs } = await store.unfinishedJobs('QUEUED', undefined, 1_000)
  const [lost] = await store
    .takeLost({ limit: 1_000, queuedAgeMs: -HOUR, processingAgeMs: HOUR, actor: 'r' })
    .then((all) => all.filter(({ paymentId }) => paymentId === id))
  expect([seen[0], jobs.find(({ paymentId }) => paymentId === id), lost]).toMatchObject([
    { priority: 'low' },
    { priority: 'low' },
    { priority: 'low' },
  ])
})

test('a worker that claims after the time sends nothing, and the payment ends expired', async () => {
  const id = await create({ expiresAt: later() })
  await pass(id, 'expires_at')
  const charged: string[] = []
  expect(await handler(charged)(id)).toBeUndefined()
  expect(charged).toEqual([])
  expect(await read(store, id)).toMatchObject({
    status: 'FAILED',
    failureCode: 'expired',
    failureKind: 'expired',
  })
  expect(await store.attempts(id)).toMatchObject([{ outcome: 'NOT_SENT', sends: 0 }])
})

test('a payment in time is charged', async () => {
  const id = await create({ expiresAt: later() })
  const charged: string[] = []
  await handler(charged)(id)
  expect(charged).toEqual([id])
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
})

test('without a worker the reconciler ends what was never begun, and what was begun and never sent', async () => {
  const [pending, queued, unsent, later1] = [
    await create({ expiresAt: later() }),
    await create({ expiresAt: later() }),
    await create({ expiresAt: later() }),
    await create({ expiresAt: later() }),
  ]
  await store.markQueued([queued], 'relay')
  const released = await claim(store, unsent)
  const released2 = decide(
    released,
    { type: 'RELEASED', reason: 'stop' },
    { policy: DEFAULT_RETRY_POLICY, actor: 'w1', random: Math.random },
  )
  expect(await store.settle(released2)).toBe(true)
  for (const id of [pending, queued, unsent]) await pass(id, 'expires_at')
  expect(await expire()).toBe(3)
  for (const id of [pending, queued, unsent])
    expect(await read(store, id)).toMatchObject({ status: 'FAILED', failureCode: 'expired' })
  expect(await read(store, later1)).toMatchObject({ status: 'PENDING' })
  expect(await expire()).toBe(0)
})

test('an attempt that may have been sent is never expired', async () => {
  const id = await create({ expiresAt: later() })
  await handler([], 'unknown')(id)
  await pass(id, 'expires_at')
  await makeDue(sql, id)
  expect(await expire()).toBe(0)
  const charged: string[] = []
  await handler(charged)(id)
  // A repeat could be the first that arrives. The gateway is asked instead, which knows nothing.
  expect(charged).toEqual([])
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: false, failureCode: null })
})

test.each(['sent', 'not sent'] as const)(
  'a charge whose holder died and may have %s it is looked up after its time, never sent',
  async (what) => {
    const gateway = createSimulatedGateway({ delayMs: 0 })
    const pay = createPay(store)
    const id = await create({ expiresAt: later() })
    const { paymentId, attemptNo, gatewayKey, amount, currency } = await claim(store, id)
    const request = { paymentId, attemptNo, gatewayKey, amount, currency }
    if (what === 'sent') await gateway.charge(request, { signal: new AbortController().signal })
    const { requests } = gateway
    const sends = requests.length
    await expireLease(sql, id)
    await pass(id, 'expires_at')
    await pay(id, { gateway })
    expect(requests).toHaveLength(sends)
    const unknown = { status: 'PROCESSING', needsReview: false, attemptOpen: true }
    expect(await read(store, id)).toMatchObject(what === 'sent' ? { status: 'SUCCESS' } : unknown)
    if (what === 'sent') return
    // Long after, an operator decides: the gateway knows what it was sent by then.
    await pass(id, 'expires_at', '2 hours')
    await makeDue(sql, id)
    await pay(id, { gateway })
    expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true })
    expect(requests).toEqual([])
  },
)

test('after the time, a gateway that cannot be asked leaves the decision to an operator', async () => {
  const { lookup: _lookup, ...gateway } = createSimulatedGateway({ delayMs: 0 })
  const id = await create({ expiresAt: later() })
  await claim(store, id)
  await expireLease(sql, id)
  await pass(id, 'expires_at')
  await createPay(store)(id, { gateway })
  expect(gateway.requests).toEqual([])
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true })
})

test('a holder whose lease ran out may have sent: nothing expires', async () => {
  const id = await create({ expiresAt: later() })
  await claim(store, id)
  await expireLease(sql, id)
  await pass(id, 'expires_at')
  expect(await expire()).toBe(0)
  expect(await claim(store, id)).toMatchObject({ mode: 'resolve' })
})

test('no soft decline is retried after the time', () => {
  const context = { policy: DEFAULT_RETRY_POLICY, actor: 'w1', random: () => 0.5 }
  const declined = { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' } as const
  const policy = { ...DEFAULT_RETRY_POLICY, retrySoftDeclines: true }
  expect(decide(claimOf(), declined, { ...context, policy })).toMatchObject({ status: 'QUEUED' })
  expect(decide(claimOf({ expiresInMs: 1_000 }), declined, { ...context, policy })).toMatchObject({
    status: 'FAILED',
    failureKind: 'soft_decline',
  })
})

test('a cancel and an expiry at the same time end a payment once', async () => {
  const ids = await Promise.all(Array.from({ length: 20 }, () => create({ expiresAt: later() })))
  for (const id of ids) await pass(id, 'expires_at')
  const charged: string[] = []
  await Promise.all([
    expire(),
    expire(),
    ...ids.map((id) => handler(charged)(id)),
    ...ids.map((id) => store.cancel(id, { actor: 'api', reason: 'canceled' })),
  ])
  await expire()
  expect(charged).toEqual([])
  const events = await Promise.all(ids.map((id) => store.events(id)))
  expect(events.map((all) => all.filter(({ type }) => type === 'payment.failed').length)).toEqual(
    ids.map(() => 1),
  )
})
