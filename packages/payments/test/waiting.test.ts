import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decide, type WorkOutcome } from '../src/domain/decision.ts'
import { DEFAULT_RETRY_POLICY, resolveRetryPolicy } from '../src/domain/retry-policy.ts'
import {
  WAITING_REASONS,
  type ChargeOutcome,
  type Claim,
  type Settlement,
  type WaitingReason,
} from '../src/index.ts'
import { claimOf } from './support/claims.ts'
import { outcomes } from './support/outcomes.ts'

const claims: fc.Arbitrary<Claim> = fc
  .record({
    paymentId: fc.constantFrom('pay_1', 'cap_1', 'void_1', 'ref_1'),
    mode: fc.constantFrom('send' as const, 'resolve' as const),
    retries: fc.nat({ max: 8 }),
    resolves: fc.nat({ max: 40 }),
    takeovers: fc.nat({ max: 3 }),
    capture: fc.constantFrom('automatic' as const, 'manual' as const),
    customerPresent: fc.boolean(),
    waitsFor: fc.constantFrom(null, ...WAITING_REASONS),
    waitsUntil: fc.constantFrom(null, new Date(2_000_000_000_000)),
    isWaitOver: fc.boolean(),
  })
  .filter(({ paymentId, waitsFor }) => waitsFor === null || isWaitOf(paymentId, waitsFor))
  .map((given) => claimOf({ ...given, ...(given.waitsFor !== null && { mode: 'resolve' }) }))

/** Charges wait for capture and customer, refunds for the gateway. */
function isWaitOf(paymentId: string, waitsFor: WaitingReason): boolean {
  return paymentId === (waitsFor === 'gateway' ? 'ref_1' : 'pay_1')
}

const policy = { ...DEFAULT_RETRY_POLICY, retrySoftDeclines: true }

function decideOne(claim: Partial<Claim>, outcome: WorkOutcome): Settlement {
  return decide(claimOf(claim), outcome, { policy, actor: 'w1', random: () => 0.5 })
}

function always(check: (settlement: Settlement, claim: Claim, outcome: WorkOutcome) => void): void {
  fc.assert(
    fc.property(claims, outcomes, (claim, outcome) => {
      check(decideOne(claim, outcome), claim, outcome)
    }),
    { numRuns: 2_000 },
  )
}

test('whatever the kind, what may have been sent fails only on a word of the gateway', () => {
  always((settlement, claim, outcome) => {
    if (settlement.status !== 'FAILED') return
    if (outcome.type === 'EXPIRED' && claim.waitsFor !== null)
      return expect(['capture', 'customer']).toContain(claim.waitsFor)
    if (outcome.type === 'DECLINED') return
    // The authorization was captured by another amount, so not by this capture.
    if (outcome.type === 'SUCCEEDED' && outcome.amount !== claim.amount)
      return expect(claim.kind).toBe('capture')
    expect(claim.waitsFor).toBeNull()
    if (outcome.type === 'REJECTED' && outcome.isReplay) return
    expect(['REJECTED', 'NOT_SENT', 'EXPIRED', 'NOT_ALLOWED']).toContain(outcome.type)
    expect(claim).toMatchObject({ mode: 'send', takeovers: 0 })
  })
})

test('no further attempt follows an authorization or a question to the customer', () => {
  always((settlement, claim, outcome) => {
    if (outcome.type === 'AUTHORIZED' || outcome.type === 'REQUIRES_ACTION')
      expect(settlement).toMatchObject({ status: 'PROCESSING', attemptOutcome: null })
    if (claim.waitsFor === 'capture' || claim.waitsFor === 'customer')
      expect(settlement.status).not.toBe('QUEUED')
  })
})

test('a capture or void is never tried again under another key', () => {
  always((settlement, { kind }, outcome) => {
    if (kind !== 'capture' && kind !== 'void') return
    const isNewKey = settlement.status === 'QUEUED' && settlement.attemptOutcome !== null
    // A request that the gateway never judged, because ours was at fault, is the one exception.
    if (isNewKey) expect(outcome).toMatchObject({ type: 'REJECTED', fault: 'config' })
  })
})

test('what waits keeps its attempt open, has no unknown outcome, and is named by its kind', () => {
  always((settlement, claim) => {
    const prefix = claim.kind === 'charge' ? 'payment' : claim.kind
    expect(settlement.event.split('.')[0]).toBe(prefix)
    if (settlement.waitsFor === null) return
    expect(settlement).toMatchObject({
      status: 'PROCESSING',
      attemptOutcome: null,
      unknown: false,
      review: false,
    })
    if (settlement.waitsFor === 'gateway')
      expect(claim.kind !== 'charge' || claim.waitsFor === 'gateway').toBe(true)
  })
})

test('only what was asked to wait begins to wait', () => {
  always((settlement, claim, outcome) => {
    if (settlement.waitsFor === null || settlement.waitsFor === claim.waitsFor) return
    expect(outcome.type).toBe(
      { capture: 'AUTHORIZED', customer: 'REQUIRES_ACTION', gateway: 'PENDING' }[settlement.waitsFor],
    )
    if (settlement.waitsFor === 'capture') expect(claim).toMatchObject({ kind: 'charge', capture: 'manual' })
    if (settlement.waitsFor === 'customer')
      expect(claim).toMatchObject({ kind: 'charge', customerPresent: true })
  })
})

const expiresAt = new Date('2026-12-01T00:00:00Z')
const authorized = {
  type: 'AUTHORIZED',
  gatewayRef: 'pi_1',
  amount: 500,
  currency: 'USD',
  expiresAt,
} as const
const question = {
  type: 'REQUIRES_ACTION',
  gatewayRef: 'pi_1',
  nextAction: { type: 'redirect', url: 'https://bank.example/question' },
  expiresAt: null,
} as const

test('an authorization waits for its capture until it expires', () => {
  const settlement = decideOne({ capture: 'manual' }, authorized)
  expect(settlement).toMatchObject({
    status: 'PROCESSING',
    waitsFor: 'capture',
    waitsUntil: expiresAt,
    gatewayRef: 'pi_1',
    event: 'payment.authorized',
    delayMs: 3_600_000,
  })
  const again = decideOne({ capture: 'manual', waitsFor: 'capture', resolves: 2 }, authorized)
  expect(again).toMatchObject({ event: 'payment.waiting', delayMs: 86_400_000, unsent: true })
})

test.each<[string, ChargeOutcome]>([
  ['amount', { ...authorized, amount: 499 }],
  ['currency', { ...authorized, currency: 'EUR' }],
])('an authorization of another %s is parked', (_what, outcome) => {
  expect(decideOne({ capture: 'manual' }, outcome)).toMatchObject({ review: true, waitsFor: null })
})

test('a question waits for the customer as long as the gateway does, else as long as the setting says', () => {
  expect(decideOne({ customerPresent: true }, question)).toMatchObject({
    waitsFor: 'customer',
    waitsUntil: null,
    waitMs: 3_600_000,
    nextAction: question.nextAction,
    event: 'payment.requires_action',
  })
  const asked = { customerPresent: true, waitsFor: 'customer', waitsUntil: expiresAt } as const
  expect(decideOne(asked, question)).toMatchObject({ waitsUntil: expiresAt, event: 'payment.waiting' })
  expect(decideOne({ ...asked, waitsFor: 'capture' }, question)).toMatchObject({ waitsFor: 'capture' })
})

test('off session a question is an unknown outcome', () => {
  expect(decideOne({}, question)).toMatchObject({ unknown: true, waitsFor: null, gatewayRef: 'pi_1' })
})

test('a refund that the gateway decides later is polled for as long as that takes', () => {
  const pending = { type: 'PENDING', gatewayRef: 're_1' } as const
  const first = decideOne({ paymentId: 'ref_1' }, pending)
  expect(first).toMatchObject({ waitsFor: 'gateway', gatewayRef: 're_1', delayMs: 3_600_000 })
  const late = decideOne(
    { paymentId: 'ref_1', waitsFor: 'gateway', resolves: 500, isWaitOver: true },
    pending,
  )
  expect(late).toMatchObject({ waitsFor: 'gateway', review: false, delayMs: 86_400_000 })
})

test('a wait that is over, and that the gateway never confirms, ends with an operator', () => {
  const over = { waitsFor: 'customer', isWaitOver: true, mode: 'resolve' } as const
  const silent = { type: 'UNKNOWN', reason: '500' } as const
  expect(decideOne({ ...over, resolves: 3 }, silent)).toMatchObject({ waitsFor: 'customer', review: false })
  expect(decideOne({ ...over, resolves: 30 }, silent)).toMatchObject({ waitsFor: null, review: true })
})

test.each([
  ['pay_1', 'customer'],
  ['pay_1', 'capture'],
  ['ref_1', 'gateway'],
] as const)('hundreds of polls of %s while it waits for the %s use up nothing', (paymentId, waitsFor) => {
  const claim = { paymentId, waitsFor, mode: 'resolve' } as const
  const delays = DEFAULT_RETRY_POLICY.pollDelaysMs[waitsFor]
  let resolves = 0
  for (let poll = 0; poll < 500; poll++) {
    const { review, countsResolve, delayMs } = decideOne(
      { ...claim, resolves },
      { type: 'UNKNOWN', reason: '500' },
    )
    expect({ review, delayMs }).toEqual({ review: false, delayMs: delays[Math.min(poll, delays.length - 1)] })
    resolves += Number(countsResolve)
  }
  // Now it should end, and the gateway has as many answers left as any other.
  for (let poll = resolves; poll < DEFAULT_RETRY_POLICY.maxResolves; poll++)
    expect(
      decideOne({ ...claim, isWaitOver: true, resolves: poll }, { type: 'UNKNOWN', reason: '500' }),
    ).toMatchObject({ review: false, countsResolve: waitsFor !== 'gateway' || poll < delays.length - 1 })
})

test('the polls of a wait are no unknown answers to what follows it', () => {
  const claim = { waitsFor: 'customer', mode: 'resolve', resolves: 500, customerPresent: true } as const
  expect(decideOne(claim, { type: 'PENDING' })).toMatchObject({
    unknown: true,
    review: false,
    delayMs: 5_000,
  })
})

test.each([
  ['capture', 'authorization_expired'],
  ['customer', 'authentication_expired'],
] as const)('a wait for the %s that has expired fails as %s', (waitsFor, failureCode) => {
  expect(decideOne({ waitsFor, mode: 'resolve', isWaitOver: true }, { type: 'EXPIRED' })).toMatchObject({
    status: 'FAILED',
    attemptOutcome: 'DECLINED',
    failureCode,
    failureKind: 'expired',
    event: 'payment.failed',
  })
})

test('soft declines are tried again for refunds, and for charges without a customer', () => {
  const soft = { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' } as const
  const statuses = (
    [
      { paymentId: 'ref_1' },
      {},
      { customerPresent: true },
      { paymentId: 'cap_1' },
      { paymentId: 'void_1' },
    ] as const
  ).map((claim) => decideOne(claim, soft).status)
  expect(statuses).toEqual(['QUEUED', 'QUEUED', 'FAILED', 'FAILED', 'FAILED'])
})

test('a policy has whole poll delays', () => {
  const pollDelaysMs = { ...DEFAULT_RETRY_POLICY.pollDelaysMs, customer: [] }
  expect(() => resolveRetryPolicy({ pollDelaysMs })).toThrow('pollDelaysMs')
})
