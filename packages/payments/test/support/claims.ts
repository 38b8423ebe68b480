import { kindOf, type Claim } from '../../src/index.ts'

/** A claim as the store gives it, with what a test cares about. */
export function claimOf(given: Partial<Claim> = {}): Claim {
  const paymentId = given.paymentId ?? 'pay_1'
  const attemptNo = given.attemptNo ?? 1
  return {
    kind: kindOf(paymentId),
    paymentId,
    account: 'default',
    fence: 1,
    mode: 'send',
    attemptNo,
    gateway: 'simulated',
    gatewayKey: `titan_${paymentId}_${attemptNo}`,
    amount: 500,
    currency: 'USD',
    retries: 0,
    resolves: 0,
    takeovers: 0,
    keyAgeMs: 0,
    ageMs: 0,
    gatewayRef: null,
    charge: null,
    capture: 'automatic',
    customerPresent: false,
    expiresInMs: null,
    details: null,
    waitsFor: null,
    waitsUntil: null,
    isWaitOver: false,
    isBeingMoved: false,
    ...given,
  }
}
