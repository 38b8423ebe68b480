import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decide, type WorkOutcome } from '../src/domain/decision.ts'
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from '../src/domain/retry-policy.ts'
import type { Settlement } from '../src/domain/claim.ts'
import type { Claim } from '../src/index.ts'
import { claimOf } from './support/claims.ts'
import { outcomes } from './support/outcomes.ts'

const claims: fc.Arbitrary<Claim> = fc
  .record({
    mode: fc.constantFrom('send' as const, 'resolve' as const),
    fence: fc.integer({ min: 1, max: 1_000 }),
    retries: fc.nat({ max: 8 }),
    resolves: fc.nat({ max: 40 }),
    takeovers: fc.nat({ max: 3 }),
  })
  .map(claimOf)
const policies: fc.Arbitrary<RetryPolicy> = fc
  .record({
    maxRetries: fc.nat({ max: 6 }),
    retrySoftDeclines: fc.boolean(),
    maxResolves: fc.nat({ max: 35 }),
  })
  .map((policy) => ({ ...DEFAULT_RETRY_POLICY, ...policy }))

/** Checks a property of every decision. */
function always(
  check: (settlement: Settlement, claim: Claim, outcome: WorkOutcome, policy: RetryPolicy) => void,
): void {
  fc.assert(
    fc.property(
      claims,
      outcomes,
      policies,
      fc.float({ min: 0, max: Math.fround(0.999), noNaN: true }),
      (claim, outcome, policy, point) => {
        check(decide(claim, outcome, { policy, actor: 'w1', random: () => point }), claim, outcome, policy)
      },
    ),
    { numRuns: 500 },
  )
}

function decideOne(
  claim: Partial<Claim>,
  outcome: WorkOutcome,
  policy: Partial<RetryPolicy> = {},
): Settlement {
  return decide(claimOf(claim), outcome, {
    policy: { ...DEFAULT_RETRY_POLICY, ...policy },
    actor: 'w1',
    random: () => 0.5,
  })
}

test('a payment succeeds only on a success of exactly what was asked', () => {
  always((settlement, claim, outcome) => {
    const isExact =
      outcome.type === 'SUCCEEDED' && outcome.amount === claim.amount && outcome.currency === claim.currency
    expect(settlement.status === 'SUCCESS').toBe(isExact)
    expect(settlement.attemptOutcome === 'SUCCEEDED').toBe(isExact)
  })
})

test('a payment fails only on a decline, on the refusal of its first request, or when nothing was ever sent and no worker lost it', () => {
  always((settlement, claim, outcome) => {
    if (settlement.status !== 'FAILED') return
    if (outcome.type === 'DECLINED' || outcome.type === 'REJECTED')
      return expect(settlement.attemptOutcome).toBe('DECLINED')
    expect(['NOT_SENT', 'EXPIRED', 'NOT_ALLOWED']).toContain(outcome.type)
    expect(settlement.attemptOutcome).toBe('NOT_SENT')
    expect(claim.mode).toBe('send')
    expect(claim.takeovers).toBe(0)
  })
})

test('every failure carries a code, a kind and evidence', () => {
  always((settlement) => {
    if (settlement.status !== 'FAILED') return
    expect(settlement.failureCode).not.toBeNull()
    expect(settlement.failureKind).not.toBeNull()
    expect(Object.keys(settlement.evidence)).toContain('outcome')
  })
})

test('while resolving, nothing but a success, a decline or a stored refusal ends the uncertainty', () => {
  always((settlement, claim, outcome) => {
    if (claim.mode !== 'resolve' || outcome.type === 'SUCCEEDED' || outcome.type === 'DECLINED') return
    if (outcome.type === 'REJECTED' && outcome.isReplay) return
    expect(settlement).toMatchObject({ status: 'PROCESSING', attemptOutcome: null, unknown: true })
  })
})

test('an attempt is closed only by the gateway, or by a failure of a payment that was never sent', () => {
  always((settlement, _claim, outcome) => {
    if (settlement.attemptOutcome === 'NOT_SENT') expect(settlement.status).toBe('FAILED')
    if (settlement.attemptOutcome === 'DECLINED') expect(['DECLINED', 'REJECTED']).toContain(outcome.type)
  })
})

test('the retry budget is never exceeded', () => {
  always((settlement, claim, _outcome, policy) => {
    if (settlement.countsRetry) expect(claim.retries).toBeLessThan(policy.maxRetries)
  })
})

test('the claim and its fence go unchanged into the settlement', () => {
  always((settlement, claim) => {
    expect(settlement).toMatchObject({ paymentId: claim.paymentId, fence: claim.fence, actor: 'w1' })
    expect(settlement.delayMs).toBeGreaterThanOrEqual(0)
  })
})

test('evidence is bounded and free of what PostgreSQL cannot store', () => {
  always((settlement) => {
    const written = [...Object.values(settlement.evidence), settlement.gatewayRef, settlement.failureCode]
    const values = written.filter((value) => typeof value === 'string')
    for (const value of values) {
      expect(value.length).toBeLessThanOrEqual(300)
      expect(value).not.toContain('\u0000')
      expect(value.isWellFormed()).toBe(true)
    }
  })
})

test('a hard decline fails at once', () => {
  const settlement = decideOne(
    {},
    { type: 'DECLINED', code: 'stolen_card', kind: 'hard' },
    { retrySoftDeclines: true },
  )
  expect(settlement).toMatchObject({
    status: 'FAILED',
    failureCode: 'stolen_card',
    failureKind: 'hard_decline',
  })
})

const rejected = { type: 'REJECTED', code: 'amount_too_large', reason: '400', isReplay: false } as const

test('a refusal of the amount fails the payment at once, whatever its budget', () => {
  const settlement = decideOne({}, { ...rejected, fault: 'payment' })
  expect(settlement).toMatchObject({
    status: 'FAILED',
    attemptOutcome: 'DECLINED',
    failureCode: 'amount_too_large',
    failureKind: 'hard_decline',
  })
})

test('a refusal of what is ours fails nothing, however often: the payment waits for a new key', () => {
  const settlement = decideOne({ retries: 5 }, { ...rejected, fault: 'config' }, { maxRetries: 5 })
  expect(settlement).toMatchObject({
    status: 'QUEUED',
    attemptOutcome: 'DECLINED',
    countsRetry: false,
    delayMs: DEFAULT_RETRY_POLICY.configFaultDelayMs,
  })
})

test('a refusal of a repeat says nothing about the first request', () => {
  for (const fault of ['payment', 'config'] as const)
    for (const claim of [{ mode: 'resolve' }, { mode: 'send', takeovers: 1 }] as const)
      expect(decideOne(claim, { ...rejected, fault })).toMatchObject({
        status: 'PROCESSING',
        attemptOutcome: null,
        unknown: true,
      })
})

test('a soft decline fails at once unless its retry is enabled', () => {
  const settlement = decideOne({}, { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' })
  expect(settlement).toMatchObject({ status: 'FAILED', failureKind: 'soft_decline' })
})

test('an enabled soft decline waits at least as long as configured and closes its attempt', () => {
  const outcome = { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' } as const
  const settlement = decideOne({ retries: 2 }, outcome, {
    retrySoftDeclines: true,
    softDeclineDelayMs: 1_000,
  })
  expect(settlement).toMatchObject({ status: 'QUEUED', attemptOutcome: 'DECLINED', countsRetry: true })
  expect(settlement.delayMs).toBeGreaterThanOrEqual(4_000)
})

test('a request that was not sent is retried under the same key, with a delay that doubles up to its bound', () => {
  const policy = { retryBaseMs: 1_000, retryMaxMs: 5_000, maxRetries: 9 }
  const delays = [0, 1, 2, 3, 4].map((retries) =>
    decideOne({ retries }, { type: 'NOT_SENT', reason: 'refused' }, policy),
  )
  expect(delays.map(({ delayMs }) => delayMs)).toEqual([750, 1_500, 3_000, 3_750, 3_750])
  for (const settlement of delays)
    expect(settlement).toMatchObject({ status: 'QUEUED', attemptOutcome: null, unsent: true })
})

test('a used-up budget fails a payment that was never sent', () => {
  const settlement = decideOne({ retries: 5 }, { type: 'NOT_SENT', reason: 'refused' }, { maxRetries: 5 })
  expect(settlement).toMatchObject({ status: 'FAILED', attemptOutcome: 'NOT_SENT', failureKind: 'not_sent' })
})

// F52b a take-over, then an unreachable gateway until the budget ends: not FAILED
test('a used-up budget parks a payment whose attempt was taken over', () => {
  const settlement = decideOne(
    { retries: 5, takeovers: 1 },
    { type: 'NOT_SENT', reason: 'refused' },
    { maxRetries: 5 },
  )
  expect(settlement).toMatchObject({ status: 'PROCESSING', review: true })
})

test('throttling and refused credentials cost no retry', () => {
  for (const fault of ['throttled', 'config'] as const) {
    const settlement = decideOne({ retries: 5 }, { type: 'NOT_SENT', reason: 'no', fault }, { maxRetries: 5 })
    expect(settlement).toMatchObject({ status: 'QUEUED', countsRetry: false })
  }
})

test('a gateway that asks for patience gets it, up to an hour', () => {
  const wait = (retryAfterMs: number): number =>
    decideOne({}, { type: 'NOT_SENT', reason: '429', fault: 'throttled', retryAfterMs }).delayMs
  expect(wait(30_000)).toBe(30_000)
  expect(wait(10 ** 11)).toBe(3_600_000)
})

test('unknown outcomes are asked about on their schedule, then parked', () => {
  const ask = (resolves: number): Settlement =>
    decideOne({ mode: 'resolve', resolves }, { type: 'UNKNOWN', reason: '500' })
  expect([0, 1, 2, 3, 4, 5, 6, 20].map((resolves) => ask(resolves).delayMs / 1_000)).toEqual([
    5, 30, 120, 600, 1_800, 7_200, 3_600, 3_600,
  ])
  expect(ask(30)).toMatchObject({ status: 'PROCESSING', review: true, event: 'payment.needs_review' })
})

test('a charge of another amount or currency is recorded as a break and parked', () => {
  const wrong = decideOne({}, { type: 'SUCCEEDED', gatewayRef: 'ch_1', amount: 499, currency: 'USD' })
  expect(wrong).toMatchObject({
    status: 'PROCESSING',
    review: true,
    breakKind: 'amount_mismatch',
    gatewayRef: 'ch_1',
  })
  const foreign = decideOne({}, { type: 'SUCCEEDED', gatewayRef: 'ch_1', amount: 500, currency: 'EUR' })
  expect(foreign).toMatchObject({ status: 'PROCESSING', review: true, breakKind: 'currency_mismatch' })
})

test('a release costs nothing and sends nobody away', () => {
  const released = { type: 'RELEASED', reason: 'stopping' } as const
  expect(decideOne({}, released)).toMatchObject({
    status: 'QUEUED',
    delayMs: 0,
    countsRetry: false,
    unsent: true,
  })
  expect(decideOne({ mode: 'resolve' }, released)).toMatchObject({
    status: 'PROCESSING',
    delayMs: 0,
    unknown: true,
    countsResolve: false,
  })
})
