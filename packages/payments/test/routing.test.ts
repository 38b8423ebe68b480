import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decide, type WorkOutcome } from '../src/domain/decision.ts'
import { ELSEWHERE_CODES } from '../src/domain/declines.ts'
import { DEFAULT_RETRY_POLICY } from '../src/domain/retry-policy.ts'
import { routeOf, type RoutedPayment, type Routing, type RoutingRule } from '../src/domain/routing.ts'
import type { Claim, RetryPolicy } from '../src/index.ts'
import { claimOf } from './support/claims.ts'

const payment: RoutedPayment = { account: 'default', amount: 500, currency: 'EUR', paymentMethod: null }
const names = ['stripe', 'adyen', 'acme']

describe('the route of a payment', () => {
  test('is that of all gateways without a rule that matches', () => {
    expect(routeOf([], payment, names)).toEqual(names)
    expect(routeOf([{ currency: 'USD', gateways: ['acme'] }], payment, names)).toEqual(names)
  })

  test.each<[RoutingRule, Partial<RoutedPayment>]>([
    [{ account: 'shop', gateways: ['acme'] }, { account: 'shop' }],
    [{ currency: 'EUR', gateways: ['acme'] }, {}],
    [{ minAmount: 500, gateways: ['acme'] }, {}],
    [{ maxAmount: 500, gateways: ['acme'] }, {}],
    [{ paymentMethod: 'pm_', gateways: ['acme'] }, { paymentMethod: { acme: 'pm_1', stripe: 'x' } }],
  ])('is that of the first rule that matches: %o', (rule, given) => {
    const rules = [{ ...rule, gateways: ['none'], currency: 'XXX' }, rule, { gateways: ['stripe'] }]
    expect(routeOf(rules, { ...payment, ...given }, names)).toEqual(['acme'])
  })

  test.each<[RoutingRule, Partial<RoutedPayment>]>([
    [{ account: 'shop', gateways: ['acme'] }, {}],
    [{ minAmount: 501, gateways: ['acme'] }, {}],
    [{ maxAmount: 499, gateways: ['acme'] }, {}],
    [{ paymentMethod: 'pm_', gateways: ['acme'] }, { paymentMethod: { stripe: 'src_1' } }],
    [{ paymentMethod: 'pm_', gateways: ['acme'] }, {}],
  ])('is not that of a rule that does not match: %o', (rule, given) => {
    expect(routeOf([rule, { gateways: ['stripe'] }], { ...payment, ...given }, names)).not.toContain('acme')
  })

  test('has no gateway without a token, nor one that the program lacks', () => {
    const tokens = { adyen: 'a', other: 'o' }
    const rules = [{ gateways: ['other', 'stripe', 'adyen'] }]
    expect(routeOf(rules, { ...payment, paymentMethod: tokens }, names)).toEqual(['adyen'])
    expect(routeOf(rules, { ...payment, paymentMethod: { constructor: 'x' } }, names)).toEqual([])
  })

  test('has the first gateway alone for a token that names none, also when the program lacks it', () => {
    const plain = { ...payment, paymentMethod: 'pm_1' }
    expect(routeOf([], plain, names)).toEqual(['stripe'])
    expect(routeOf([{ gateways: ['acme', 'stripe'] }], plain, names)).toEqual(['acme'])
    expect(routeOf([{ gateways: ['other', 'stripe'] }], plain, names)).toEqual([])
  })
})

const NOT_SENT: WorkOutcome = { type: 'NOT_SENT', reason: 'ECONNREFUSED' }
const declined = (code: string, kind: 'soft' | 'hard' = 'soft'): WorkOutcome => ({
  type: 'DECLINED',
  code,
  kind,
})

type Before = Routing['before'][number]
const at = (gateway: string, outcome: Before['outcome'], lastError: string | null = null): Before => ({
  gateway,
  outcome,
  lastError,
})

/** What becomes of a claim at `stripe` whose route is `stripe`, `adyen`. */
function after(
  outcome: WorkOutcome,
  given: Partial<Claim> = {},
  { before = [], route = ['stripe', 'adyen'], ...more }: Partial<Routing> & Partial<RetryPolicy> = {},
) {
  const { declines, ...policy } = more
  const claim = claimOf({ gateway: 'stripe', ...given })
  return decide(claim, outcome, {
    policy: { ...DEFAULT_RETRY_POLICY, ...policy },
    actor: 'w1',
    random: () => 0,
    routing: { route, before, declines },
  })
}

const CLOSED = { status: 'QUEUED', nextGateway: 'adyen', delayMs: 0, countsRetry: false }
const STAYS = { nextGateway: null }

describe('a charge goes to the next gateway', () => {
  test.each(['network', 'throttled', 'config'] as const)('after a request that was not sent: %s', (fault) => {
    const settlement = after({ type: 'NOT_SENT', reason: 'x', fault, retryAfterMs: 9_000 })
    expect(settlement).toMatchObject({ ...CLOSED, attemptOutcome: 'NOT_SENT', unsent: true })
  })

  test.each(ELSEWHERE_CODES)('after a decline that another one may answer differently: %s', (code) => {
    const kind = code.endsWith('_not_supported') ? 'hard' : 'soft'
    expect(after(declined(code, kind))).toMatchObject({ ...CLOSED, attemptOutcome: 'DECLINED' })
    // Where the bank advises against a retry, and where the rule names other codes.
    expect(after(declined(code, kind === 'hard' ? 'soft' : 'hard'))).toMatchObject(STAYS)
    expect(after(declined(code, kind), {}, { declines: [] })).toMatchObject({ ...STAYS, status: 'FAILED' })
  })

  test.each([
    'stolen_card',
    'fraudulent',
    'lost_card',
    'do_not_try_again',
    'insufficient_funds',
    'unheard_of',
  ])('never after %s, whatever the rule says', (code) => {
    for (const kind of ['soft', 'hard'] as const)
      expect(after(declined(code, kind), {}, { declines: [code] })).toMatchObject({
        ...STAYS,
        status: 'FAILED',
      })
  })

  test.each<[string, Partial<Claim>]>([
    ['an attempt that may have been sent', { mode: 'resolve' }],
    ['a takeover', { takeovers: 1 }],
    ['an authorization', { waitsFor: 'capture' }],
    ['a question to the customer', { waitsFor: 'customer' }],
    ['an answer that named the charge', { gatewayRef: 'ch_1' }],
    ['a refund', { paymentId: 'ref_1' }],
  ])('never after %s', (_name, given) => {
    for (const outcome of [NOT_SENT, declined('do_not_honor')]) {
      const { nextGateway, attemptOutcome, status } = after(outcome, given)
      expect(nextGateway).toBeNull()
      expect(status === 'QUEUED' && attemptOutcome === 'NOT_SENT').toBe(false)
    }
  })

  test('from at most fifty attempts; the last one repeats as if it were alone', () => {
    const before = [at('adyen', 'NOT_SENT')]
    expect(after(NOT_SENT, { attemptNo: 49 }, { before })).toMatchObject(CLOSED)
    expect(after(NOT_SENT, { attemptNo: 50 }, { before })).toMatchObject({ ...STAYS, attemptOutcome: null })
  })

  test('never after a decline to a customer who is present, who may still pay there', () => {
    expect(after(declined('do_not_honor'), { customerPresent: true })).toMatchObject(STAYS)
    expect(after(NOT_SENT, { customerPresent: true })).toMatchObject(CLOSED)
  })

  test.each<WorkOutcome>([
    { type: 'UNKNOWN', reason: 'x' },
    { type: 'PENDING' },
    { type: 'AUTHORIZED', gatewayRef: 'x', amount: 500, currency: 'USD', expiresAt: null },
    {
      type: 'REQUIRES_ACTION',
      gatewayRef: 'x',
      nextAction: { type: 'sdk', clientSecret: 's' },
      expiresAt: null,
    },
    { type: 'REJECTED', code: 'x', reason: 'x', fault: 'config', isReplay: false },
    { type: 'REJECTED', code: 'x', reason: 'x', fault: 'payment', isReplay: false },
    { type: 'RELEASED', reason: 'x' },
    { type: 'UNRESOLVABLE', reason: 'x' },
    { type: 'SUCCEEDED', gatewayRef: 'x', amount: 1, currency: 'USD' },
    { type: 'EXPIRED' },
    { type: 'HELD', reason: 'x' },
    { type: 'NOT_ALLOWED', code: 'x' },
    { type: 'UNCHECKED', reason: 'x' },
  ])('never after $type', (outcome) => {
    for (const given of [{}, { capture: 'manual', customerPresent: true }] as const)
      expect(after(outcome, given)).toMatchObject(STAYS)
  })
})

describe('when the route is exhausted', () => {
  const last = { gateway: 'adyen', attemptNo: 2 }

  test('a round that no gateway could be reached in costs one retry and its delay, and begins again', () => {
    const before = [at('stripe', 'NOT_SENT')]
    expect(after(NOT_SENT, last, { before })).toMatchObject({
      status: 'QUEUED',
      attemptOutcome: 'NOT_SENT',
      nextGateway: 'stripe',
      countsRetry: true,
      delayMs: 500,
    })
    expect(after(NOT_SENT, { ...last, retries: 5 }, { before })).toMatchObject({
      status: 'FAILED',
      failureCode: 'gateway_unreachable',
    })
    // The first gateway has as many tries as it would have alone.
    expect(after(NOT_SENT, { attemptNo: 3, retries: 5 }, { before })).toMatchObject(CLOSED)
  })

  test('a gateway that declined is not asked again, and the other one repeats under its key', () => {
    const before = [at('stripe', 'DECLINED', 'do_not_honor')]
    const settlement = after(NOT_SENT, last, { before })
    expect(settlement).toMatchObject({ status: 'QUEUED', attemptOutcome: null, nextGateway: null })
  })

  test('a decline goes back to a gateway that could not be reached', () => {
    const before = [at('stripe', 'NOT_SENT')]
    expect(after(declined('do_not_honor'), last, { before })).toMatchObject({
      status: 'QUEUED',
      nextGateway: 'stripe',
      countsRetry: true,
      delayMs: 500,
    })
    expect(after(declined('do_not_honor'), { ...last, retries: 5 }, { before }).status).toBe('FAILED')
  })

  test('the last decline ends the payment', () => {
    const before = [at('stripe', 'DECLINED', 'do_not_honor')]
    const settlement = after(declined('generic_decline'), last, { before })
    expect(settlement).toMatchObject({ status: 'FAILED', failureCode: 'generic_decline' })
  })

  test.each<[string, 'soft' | 'hard']>([
    ['issuer_not_available', 'soft'],
    ['card_not_supported', 'hard'],
  ])('soft declines are repeated at the first gateway that gave one: after %s', (code, kind) => {
    const before = [at('stripe', 'DECLINED', 'issuer_not_available')]
    const settlement = after(declined(code, kind), last, { before, retrySoftDeclines: true })
    expect(settlement).toMatchObject({ status: 'QUEUED', nextGateway: 'stripe', countsRetry: true })
    expect(settlement.delayMs).toBeGreaterThanOrEqual(3_600_000)
  })

  test('a decline that came to light for an earlier send is repeated where it is', () => {
    const before = [at('stripe', 'DECLINED', 'issuer_not_available')]
    const given = { ...last, mode: 'resolve' } as const
    const settlement = after(declined('issuer_not_available'), given, { before, retrySoftDeclines: true })
    expect(settlement).toMatchObject({ ...STAYS, status: 'QUEUED', countsRetry: true })
  })

  test('no soft decline is repeated after a code that is final', () => {
    const before = [at('stripe', 'DECLINED', 'issuer_not_available')]
    const settlement = after(declined('stolen_card', 'hard'), last, { before, retrySoftDeclines: true })
    expect(settlement).toMatchObject({ status: 'FAILED', failureCode: 'stolen_card' })
  })

  test('the caps of the networks hold over all gateways', () => {
    const before = [at('stripe', 'DECLINED', 'do_not_honor'), at('adyen', 'DECLINED', 'do_not_honor')]
    const route = ['stripe', 'adyen', 'acme']
    const given = { gateway: 'adyen', attemptNo: 2 }
    expect(after(declined('do_not_honor'), given, { before: before.slice(0, 1), route }).status).toBe(
      'FAILED',
    )
  })
})

test('no order of answers leads to more tries than one gateway alone would get, nor to fewer, nor on for ever', () => {
  const answers = fc.constantFrom(NOT_SENT, declined('do_not_honor'), declined('issuer_not_available'))
  fc.assert(
    fc.property(fc.infiniteStream(answers), fc.integer({ min: 0, max: 4 }), (stream, maxRetries) => {
      const route = ['stripe', 'adyen', 'acme']
      const before: Before[] = []
      const tries = new Map<string, number>()
      let claim = claimOf({ gateway: 'stripe' })
      for (const outcome of stream) {
        tries.set(claim.gateway, (tries.get(claim.gateway) ?? 0) + 1)
        const settlement = after(outcome, claim, { before, route, maxRetries })
        const gateway = settlement.nextGateway ?? claim.gateway
        const { attemptOutcome } = settlement
        if (settlement.status === 'FAILED') {
          if (settlement.failureCode === 'gateway_unreachable') expect(claim.retries).toBe(maxRetries)
          break
        }
        // At another gateway, or under the same key.
        expect(attemptOutcome === 'NOT_SENT').toBe(gateway !== claim.gateway && outcome === NOT_SENT)
        if (attemptOutcome !== null)
          before.push(at(claim.gateway, attemptOutcome, outcome.type === 'DECLINED' ? outcome.code : null))
        claim = {
          ...claim,
          gateway,
          attemptNo: claim.attemptNo + (attemptOutcome === null ? 0 : 1),
          retries: claim.retries + (settlement.countsRetry ? 1 : 0),
        }
      }
      for (const count of tries.values()) expect(count).toBeLessThanOrEqual(maxRetries + 1)
    }),
  )
})
