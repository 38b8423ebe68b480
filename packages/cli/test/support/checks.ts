import type { BeforeChargeAnswer } from '@titan/payments'
import fc from 'fast-check'

/** What the hook answers to each first send, or that it fails. */
const CHECKS = {
  allow: { type: 'ALLOW' },
  decline: { type: 'DECLINE', code: 'high_risk' },
  hold: { type: 'REVIEW', reason: 'a new customer' },
  fail: undefined,
} satisfies Record<string, BeforeChargeAnswer | undefined>
export type Check = keyof typeof CHECKS

export const checks: fc.Arbitrary<Check> = fc.constantFrom(...(Object.keys(CHECKS) as Check[]))

/** The answer of a check; throws where it fails. */
export function answerOf(check: Check): BeforeChargeAnswer {
  const answer = CHECKS[check]
  if (answer === undefined) throw new Error('the check is down')
  return answer
}
