import { RetryError, UnrecoverableError } from '@titan/queue-core'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import {
  applyOutcome,
  createPaymentStore,
  createSimulatedGateway,
  type BeforeCharge,
  type BeforeChargeAnswer,
  type PaymentRequest,
  type PaymentsEvent,
} from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { fold } from './support/history.ts'
import { createPay } from './support/pay.ts'
import { claim, createPayment, expireLease, makeDue, newKey, read } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)

const decline: BeforeChargeAnswer = { type: 'DECLINE', code: 'high_risk' }
const TOKEN = 'pm_card_of_a_customer'

function answering(answer: unknown) {
  return vi.fn<BeforeCharge>(() => answer as BeforeChargeAnswer)
}

async function createWith(given: Partial<PaymentRequest>): Promise<string> {
  const answer = await store.create({ amount: 500, idempotencyKey: newKey(), ...given })
  if (answer.kind !== 'created') throw new Error(`a new key was answered ${answer.kind}`)
  return answer.payment.id
}

async function lastEventOf(id: string) {
  return (await store.events(id)).at(-1)
}

test('a charge that is allowed is sent, as it was shown', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const metadata = { order: 'order-1' }
  const id = await createWith({ paymentMethod: TOKEN, metadata })
  const beforeCharge = vi.fn<BeforeCharge>((request) => {
    expect(gateway.requests).toEqual([])
    expect(request).toMatchObject({
      paymentId: id,
      attemptNo: 1,
      amount: 500,
      paymentMethod: TOKEN,
      metadata,
    })
    // It gets a copy.
    Object.assign(request, { amount: 1 })
    Object.assign(request.metadata ?? {}, { order: 'order-2' })
    return { type: 'ALLOW' }
  })
  expect(await pay(id, { gateway, beforeCharge })).toBeUndefined()
  expect(beforeCharge).toHaveBeenCalledOnce()
  expect(gateway.requests).toMatchObject([{ amount: 500, metadata }])
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
})

test('a charge that is declined fails with the code, and nothing is sent', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  expect(await pay(id, { gateway, beforeCharge: answering(decline) })).toBeUndefined()
  expect(gateway.requests).toEqual([])
  expect(await read(store, id)).toMatchObject({
    status: 'FAILED',
    failureCode: 'high_risk',
    failureKind: 'not_sent',
    attemptOpen: false,
  })
  expect(await store.attempts(id)).toMatchObject([{ outcome: 'NOT_SENT', sends: 0, firstSentAt: null }])
  expect(await lastEventOf(id)).toMatchObject({
    type: 'payment.failed',
    evidence: { code: 'high_risk', reason: 'declined by beforeCharge', outcome: 'NOT_ALLOWED' },
  })
  expect(fold(await store.events(id))).toEqual({ ok: true, status: 'FAILED' })
})

test('a charge that is held waits for an operator, and RETRY asks the hook again', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const id = await createWith({ paymentMethod: TOKEN })
  const reason = `look at ${TOKEN}\0${'x'.repeat(400)}`
  const thrown = await pay(id, { gateway, beforeCharge: answering({ type: 'REVIEW', reason }) })
  expect(thrown).toBeInstanceOf(UnrecoverableError)
  expect(gateway.requests).toEqual([])
  expect(await read(store, id)).toMatchObject({
    status: 'PROCESSING',
    needsReview: true,
    attemptOpen: true,
    unknownSince: null,
  })
  const event = await lastEventOf(id)
  expect(event).toMatchObject({ type: 'payment.needs_review' })
  const said = String(event?.evidence?.['reason'])
  expect(said).toMatch(/^held by beforeCharge: look at \[detail\]x/)
  expect(said.length).toBeLessThanOrEqual(300)
  expect(await store.decideReview(id, { to: 'RETRY', operator: 'ann', note: 'known customer' })).toBe(
    'decided',
  )
  const beforeCharge = answering(decline)
  await pay(id, { gateway, beforeCharge })
  expect(beforeCharge).toHaveBeenCalledOnce()
  expect(await read(store, id)).toMatchObject({ status: 'FAILED', failureCode: 'high_risk' })
})

test.each<[string, BeforeCharge]>([
  [
    'throws',
    () => {
      throw new Error(`no answer about ${TOKEN}`)
    },
  ],
  ['rejects', () => Promise.reject(new Error(`no answer about ${TOKEN}`))],
  ['is late', () => new Promise(() => {})],
  ['answers nothing', answering(undefined)],
  ['answers something unknown', answering({ type: 'allow' })],
  ['declines without a code', answering({ type: 'DECLINE', code: '\0' })],
  ['holds without a reason', answering({ type: 'REVIEW' })],
])('a hook that %s sends nothing, uses up no retry and is asked again', async (_what, beforeCharge) => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const id = await createWith({ paymentMethod: TOKEN })
  const events: PaymentsEvent[] = []
  const onEvent = (event: PaymentsEvent): unknown => events.push(event)
  const thrown = await pay(id, {
    gateway,
    beforeCharge,
    onEvent,
    gatewayTimeoutMs: 50,
    policy: { maxRetries: 0 },
  })
  expect(thrown).toBeInstanceOf(RetryError)
  expect(gateway.requests).toEqual([])
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED', retries: 0, attemptOpen: true })
  const error = events.find(({ type }) => type === 'error')
  expect(error).toMatchObject({ source: 'before_charge' })
  expect(JSON.stringify([events, await store.events(id)])).not.toContain(TOKEN)
  expect(error?.type === 'error' && String(error.error)).not.toContain(TOKEN)
  await makeDue(sql, id)
  const next = answering({ type: 'ALLOW' })
  await pay(id, { gateway, beforeCharge: next })
  expect(next).toHaveBeenCalledOnce()
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', attemptNo: 1 })
})

test('a charge that may have been sent is not shown: its outcome is found out', async () => {
  const gateway = createSimulatedGateway({
    delayMs: 0,
    script: (_request, send) => (send === 1 ? 'unknown_after_charge' : 'succeed'),
  })
  const { id } = await createPayment(store)
  const first = answering({ type: 'ALLOW' })
  await pay(id, { gateway, beforeCharge: first })
  await makeDue(sql, id)
  const second = answering(decline)
  await pay(id, { gateway, beforeCharge: second })
  expect([first, second].map(({ mock }) => mock.calls.length)).toEqual([1, 0])
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
})

test('each attempt of a payment is shown', async () => {
  const gateway = createSimulatedGateway({
    delayMs: 0,
    script: ({ attemptNo }) => (attemptNo === 1 ? 'soft_decline' : 'succeed'),
  })
  const { id } = await createPayment(store)
  const beforeCharge = vi.fn<BeforeCharge>(({ attemptNo }) => (attemptNo === 1 ? { type: 'ALLOW' } : decline))
  const options = { gateway, beforeCharge, policy: { retrySoftDeclines: true } }
  await pay(id, options)
  await makeDue(sql, id)
  await pay(id, options)
  expect(await read(store, id)).toMatchObject({ status: 'FAILED', failureCode: 'high_risk', attemptNo: 2 })
  expect((await store.attempts(id)).map(({ outcome }) => outcome)).toEqual(['DECLINED', 'NOT_SENT'])
})

test('refunds are not shown', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id: paymentId } = await createPayment(store)
  await pay(paymentId, { gateway })
  const answer = await store.createMovement({ kind: 'refund', paymentId, idempotencyKey: newKey() })
  if (answer.kind !== 'created') throw new Error(`not created: ${answer.kind}`)
  const beforeCharge = answering(decline)
  await pay(answer.movement.id, { gateway, beforeCharge })
  expect(beforeCharge).not.toHaveBeenCalled()
  expect(await store.movement(answer.movement.id)).toMatchObject({ status: 'SUCCESS' })
})

test('a worker that stops while it asks gives the payment back', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  const stop = new AbortController()
  const beforeCharge: BeforeCharge = (_request, { signal }) => {
    stop.abort(new Error('the worker stops'))
    expect(signal.aborted).toBe(true)
    return { type: 'ALLOW' }
  }
  await pay(id, { gateway, beforeCharge }, { signal: stop.signal })
  expect(gateway.requests).toEqual([])
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED', retries: 0 })
})

test.each([
  ['declines it', decline, { status: 'PROCESSING', needsReview: true }],
  ['fails', undefined, { status: 'PROCESSING', needsReview: false }],
] as const)(
  'after a worker died while it asked, nothing is sent when the hook %s',
  async (_what, said, then) => {
    const gateway = createSimulatedGateway({ delayMs: 0 })
    const { id } = await createPayment(store)
    await claim(store, id)
    await expireLease(sql, id)
    const beforeCharge = answering(said)
    await pay(id, { gateway, beforeCharge })
    await makeDue(sql, id)
    await pay(id, { gateway, beforeCharge })
    expect(beforeCharge).toHaveBeenCalledTimes(then.needsReview ? 1 : 2)
    expect(gateway.requests).toEqual([])
    expect(await read(store, id)).toMatchObject(then)
    await store.decideReview(id, { to: 'RETRY', operator: 'ann', note: 'known customer' })
    await makeDue(sql, id)
    await pay(id, { gateway, beforeCharge: answering({ type: 'ALLOW' }) })
    expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
  },
)

test('a worker that lost its lease while it asked changes nothing', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  const events: string[] = []
  const beforeCharge: BeforeCharge = async () => {
    await expireLease(sql, id)
    await pay(id, { gateway, worker: 'w2' })
    return decline
  }
  await pay(id, { gateway, beforeCharge, onEvent: ({ type }) => events.push(type) })
  expect(events).toEqual(['stale'])
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
  expect(gateway.ledger).toHaveLength(1)
})

test('a payment whose time ended while the hook was asked is not sent', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const id = await createWith({ expiresAt: new Date(Date.now() + 60_000) })
  let clock = 0
  const beforeCharge: BeforeCharge = () => {
    clock += 60_001
    return { type: 'ALLOW' }
  }
  await pay(id, { gateway, beforeCharge, now: () => clock, leaseMs: 600_000 })
  expect(gateway.requests).toEqual([])
  expect(await read(store, id)).toMatchObject({ status: 'FAILED', failureCode: 'expired' })
})

test('a decline that meets the late charge of an earlier attempt parks the payment', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  const first = await claim(store, id)
  const soft = { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' } as const
  await store.settle(settlementOf(first, soft, { retrySoftDeclines: true }))
  await makeDue(sql, id)
  const beforeCharge: BeforeCharge = async () => {
    const report = { paymentId: id, attemptNo: 1, gateway: 'simulated', actor: 'webhook:simulated' }
    await applyOutcome({ ...report, outcome: successOf(first) }, { store })
    return decline
  }
  await pay(id, { gateway, beforeCharge })
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true, openCharges: 1 })
  expect((await store.attempts(id)).map(({ outcome }) => outcome)).toEqual(['DECLINED', null])
})

/** What happened to the holders before: each one died, or its result was written. */
const fates = fc.constantFrom(
  'dies unsent' as const,
  'dies sent' as const,
  'stops' as const,
  'unreachable' as const,
)

/** Whether a holder was answered after another one died: then its outcome counted as unknown. */
function isKnown(given: readonly string[]): boolean {
  const death = given.findIndex((fate) => fate.startsWith('dies'))
  return death !== -1 && given.includes('unreachable', death)
}

test('whatever became of the holders before, a decline fails no payment that the gateway charged', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fates, { maxLength: 4 }), async (given) => {
      const gateway = createSimulatedGateway({ delayMs: 0 })
      const { id } = await createPayment(store)
      for (const fate of given) {
        const held = await claim(store, id)
        if (fate === 'dies sent') {
          const { paymentId, attemptNo, gatewayKey, amount, currency } = held
          const request = { paymentId, attemptNo, gatewayKey, amount, currency }
          await gateway.charge(request, { signal: new AbortController().signal })
        }
        if (fate === 'stops') await store.settle(settlementOf(held, { type: 'RELEASED', reason: 'stops' }))
        if (fate === 'unreachable')
          await store.settle(settlementOf(held, { type: 'NOT_SENT', reason: 'refused' }))
        await expireLease(sql, id)
        await makeDue(sql, id)
      }
      const beforeCharge = answering(decline)
      await pay(id, { gateway, beforeCharge })
      const { status } = await read(store, id)
      const hasDied = given.some((fate) => fate.startsWith('dies'))
      // What a holder was let to repeat is not shown again.
      const isPassed = isKnown(given)
      const isSent = given.includes('dies sent') || isPassed
      expect(beforeCharge).toHaveBeenCalledTimes(isPassed ? 0 : 1)
      // What the dead workers sent is unknown, so it is no failure yet.
      expect(status).toBe(isSent ? 'SUCCESS' : hasDied ? 'PROCESSING' : 'FAILED')
      expect(gateway.ledger).toHaveLength(isSent ? 1 : 0)
    }),
    { numRuns: 40, examples: [[['dies sent']], [['dies unsent']], [['stops', 'dies sent', 'unreachable']]] },
  )
})
