import { expect, test } from 'vitest'
import { capDelay, categoryOf, declineKindOf, DEFAULT_ATTEMPT_CAPS } from '../src/domain/declines.ts'
import { DEFAULT_RETRY_POLICY, resolveRetryPolicy, softDeclineDelay } from '../src/domain/retry-policy.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** The delay of a retry when the policy itself asks for none. */
function delayAfter(code: string, attemptAgesMs: readonly number[], retries = 0): number {
  const policy = { ...DEFAULT_RETRY_POLICY, softDeclineDelayMs: 0 }
  return softDeclineDelay(policy, { code, retries, attemptAgesMs }, () => 0)
}

test.each([
  'stolen_card',
  'lost_card',
  'account_closed',
  'revocation_of_authorization',
  'nobody_knows',
  'toString',
])('%s is never tried again', (code) => {
  expect(categoryOf(code)).toBe('never')
  expect(declineKindOf(code)).toBe('hard')
})

test('every category keeps to what Visa and Mastercard allow at most', () => {
  for (const caps of Object.values(DEFAULT_ATTEMPT_CAPS)) {
    const most = (windowMs: number): number =>
      Math.min(...caps.filter((cap) => cap.windowMs >= windowMs).map(({ attempts }) => attempts))
    expect(most(DAY)).toBeLessThanOrEqual(10)
    expect(most(30 * DAY)).toBeLessThanOrEqual(15)
  }
})

test('below the cap there is nothing to wait for', () => {
  expect(capDelay([{ attempts: 3, windowMs: DAY }], [0, HOUR])).toBe(0)
  expect(capDelay([], [0, 0, 0])).toBe(0)
})

test('at the cap a retry waits until the oldest attempt that counts leaves the window', () => {
  expect(capDelay([{ attempts: 3, windowMs: DAY }], [5 * HOUR, 0, HOUR, 40 * HOUR])).toBe(19 * HOUR)
})

test('of several caps the longest wait counts', () => {
  const caps = [
    { attempts: 2, windowMs: DAY },
    { attempts: 3, windowMs: 30 * DAY },
  ]
  expect(capDelay(caps, [0, 2 * DAY, 3 * DAY])).toBe(27 * DAY)
})

test('no stretch of time ever holds more attempts than its cap, however eager the policy is', () => {
  for (const [code, caps] of [
    ['insufficient_funds', DEFAULT_ATTEMPT_CAPS.funds],
    ['issuer_not_available', DEFAULT_ATTEMPT_CAPS.issuer],
    ['do_not_honor', DEFAULT_ATTEMPT_CAPS.generic],
  ] as const) {
    const sentAt = [0]
    for (let now = 0; sentAt.length < 60; sentAt.push(now))
      now += delayAfter(
        code,
        sentAt.map((at) => now - at),
      )
    for (const { attempts, windowMs } of caps)
      for (const [index, at] of sentAt.entries())
        expect(sentAt.slice(index).filter((other) => other < at + windowMs).length).toBeLessThanOrEqual(
          attempts,
        )
  }
})

test('the delay of a policy counts when it is longer than the caps want', () => {
  const decline = { code: 'insufficient_funds', retries: 0, attemptAgesMs: [0] }
  expect(softDeclineDelay({ ...DEFAULT_RETRY_POLICY, softDeclineDelayMs: HOUR }, decline, () => 0)).toBe(HOUR)
})

test('a soft decline of a code that the table does not know keeps to the strictest caps', () => {
  expect(delayAfter('a_new_code', [0, 0])).toBe(delayAfter('generic_decline', [0, 0]))
  expect(delayAfter('a_new_code', [0, 0])).toBe(DAY)
})

test('caps that allow nothing at all are refused', () => {
  const attemptCaps = { ...DEFAULT_ATTEMPT_CAPS, funds: [{ attempts: 0, windowMs: DAY }] }
  expect(() => resolveRetryPolicy({ attemptCaps })).toThrow('attemptCaps')
})
