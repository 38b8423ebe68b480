import { expect, test } from 'vitest'
import { sanitizeOutcome } from '../src/domain/evidence.ts'
import {
  createSimulatedGateway,
  kindOf,
  limitGateway,
  type ChargeOutcome,
  type Gateway,
  type NextAction,
} from '../src/index.ts'

const { signal } = new AbortController()

test('an id says what it names', () => {
  const kinds = ['pay_1', 'cap_1', 'void_1', 'ref_1', 'refund_1', 'constructor_1', '_', 'ref', ''].map(kindOf)
  expect(kinds).toEqual([
    'charge',
    'capture',
    'void',
    'refund',
    ...Array.from({ length: 5 }, () => 'charge' as const),
  ])
})

test.each<[string, NextAction, boolean]>([
  ['an address', { type: 'redirect', url: `https://bank.example/${'q'.repeat(500)}` }, true],
  ['a secret', { type: 'sdk', clientSecret: `pi_1_secret_${'s'.repeat(500)}` }, true],
  ['a script', { type: 'redirect', url: 'javascript:alert(1)' }, false],
  ['nothing', { type: 'sdk', clientSecret: '' }, false],
  ['NUL', { type: 'redirect', url: 'https://bank.example/\0' }, false],
  ['half a character', { type: 'sdk', clientSecret: '\uD800' }, false],
  ['5,000 characters', { type: 'sdk', clientSecret: 's'.repeat(5_000) }, false],
])('the customer is given %s whole or not at all', (_what, nextAction, isGiven) => {
  const outcome: ChargeOutcome = { type: 'REQUIRES_ACTION', gatewayRef: 'pi_1', nextAction, expiresAt: null }
  expect(sanitizeOutcome(outcome)).toMatchObject(isGiven ? outcome : { type: 'UNKNOWN' })
})

test('movements and cancellations keep to the limits of the gateway', async () => {
  let calls = 0
  const inner: Gateway = {
    ...createSimulatedGateway({ delayMs: 0 }),
    move: async ({ gatewayKey, amount, currency }) => {
      calls++
      return { type: 'SUCCEEDED', gatewayRef: gatewayKey, amount, currency }
    },
    abandon: async () => {
      calls++
      return { type: 'NOT_FOUND' }
    },
  }
  const limited = limitGateway(inner, { ratePerSecond: 1 })
  const charge = { paymentId: 'pay_1', gatewayKey: 'titan_pay_1_1', amount: 500, currency: 'USD' }
  const about = {
    kind: 'refund',
    movementId: 'ref_1',
    chargeKey: 'titan_pay_1_1',
    chargeRef: 'ch_1',
  } as const
  await limited.charge({ ...charge, attemptNo: 1 }, { signal })
  const refund = { ...charge, ...about, gatewayKey: 'titan_ref_1_1', attemptNo: 1 }
  expect(await limited.move?.(refund, { signal })).toMatchObject({ type: 'NOT_SENT', fault: 'throttled' })
  const asked = await limited.abandon?.({ ...charge, kind: 'charge' }, { signal })
  expect(asked).toMatchObject({ type: 'FAILED_TO_ASK' })
  expect(calls).toBe(0)
})
