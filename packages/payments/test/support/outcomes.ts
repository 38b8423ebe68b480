import fc from 'fast-check'
import type { WorkOutcome } from '../../src/domain/decision.ts'

const text = fc.string({ unit: 'binary', maxLength: 400 })
/** Any outcome of work, with texts that no gateway should send. */
export const outcomes: fc.Arbitrary<WorkOutcome> = fc.oneof(
  fc.record({
    type: fc.constant('SUCCEEDED' as const),
    gatewayRef: text,
    amount: fc.constantFrom(500, 501),
    currency: fc.constantFrom('USD', 'EUR'),
  }),
  fc.record({
    type: fc.constant('DECLINED' as const),
    code: text,
    kind: fc.constantFrom('hard' as const, 'soft' as const),
  }),
  fc.record({
    type: fc.constant('NOT_SENT' as const),
    reason: text,
    fault: fc.constantFrom('network' as const, 'throttled' as const, 'config' as const),
    retryAfterMs: fc.nat({ max: 10 ** 12 }),
  }),
  fc.record({
    type: fc.constant('REJECTED' as const),
    code: text,
    reason: text,
    fault: fc.constantFrom('payment' as const, 'config' as const),
    isReplay: fc.boolean(),
  }),
  fc.record({ type: fc.constant('UNKNOWN' as const), reason: text }),
  fc.record({ type: fc.constant('PENDING' as const), gatewayRef: text }),
  fc.record({
    type: fc.constant('AUTHORIZED' as const),
    gatewayRef: text,
    amount: fc.constantFrom(500, 501),
    currency: fc.constantFrom('USD', 'EUR'),
    expiresAt: fc.constantFrom(null, new Date(2_000_000_000_000)),
  }),
  fc.record({
    type: fc.constant('REQUIRES_ACTION' as const),
    gatewayRef: text,
    nextAction: fc.constant({ type: 'redirect' as const, url: 'https://bank.example/question' }),
    expiresAt: fc.constantFrom(null, new Date(2_000_000_000_000)),
  }),
  fc.constant({ type: 'EXPIRED' as const }),
  fc.record({ type: fc.constant('NOT_ALLOWED' as const), code: text }),
  fc.record({ type: fc.constantFrom('HELD' as const, 'UNCHECKED' as const), reason: text }),
  fc.record({ type: fc.constant('UNRESOLVABLE' as const), reason: text }),
  fc.record({ type: fc.constant('RELEASED' as const), reason: text }),
)
