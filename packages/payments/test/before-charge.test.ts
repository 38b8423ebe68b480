import { expect, test } from 'vitest'
import { DEFAULT_RETRY_POLICY } from '../src/domain/retry-policy.ts'
import { claimOf } from './support/claims.ts'
import { settlementOf } from './support/settlements.ts'

const declined = { type: 'NOT_ALLOWED', code: 'high_risk' } as const

test('a decline fails a payment only when nobody else can have sent it', () => {
  expect(settlementOf(claimOf(), declined)).toMatchObject({
    status: 'FAILED',
    failureCode: 'high_risk',
    failureKind: 'not_sent',
    attemptOutcome: 'NOT_SENT',
    unsent: true,
  })
  for (const given of [{ takeovers: 1 }, { mode: 'resolve' }] as const)
    expect(settlementOf(claimOf(given), declined)).toMatchObject({
      status: 'PROCESSING',
      attemptOutcome: null,
      review: true,
      unknown: true,
    })
})

test('a hook that fails uses up no retry, however few are left, and waits longer the older the payment is', () => {
  const failedAt = (ageMs: number) =>
    settlementOf(claimOf({ ageMs, retries: 5 }), { type: 'UNCHECKED', reason: 'down' }, { maxRetries: 5 })
  expect(failedAt(0)).toMatchObject({
    status: 'QUEUED',
    attemptOutcome: null,
    countsRetry: false,
    unsent: true,
  })
  const { retryBaseMs, retryMaxMs } = DEFAULT_RETRY_POLICY
  expect([0, 8_000, 10 ** 9].map((ageMs) => failedAt(ageMs).delayMs)).toEqual([
    retryBaseMs / 2,
    4_000,
    retryMaxMs / 2,
  ])
})

test('a hook that fails about a charge that may have been sent leaves its outcome unknown, and is asked again', () => {
  for (const given of [{ takeovers: 1 }, { mode: 'resolve' }] as const)
    expect(
      settlementOf(claimOf({ ...given, resolves: 100 }), { type: 'UNCHECKED', reason: 'down' }),
    ).toMatchObject({
      status: 'PROCESSING',
      attemptOutcome: null,
      review: false,
      unknown: true,
      unsent: true,
      countsResolve: false,
    })
})
