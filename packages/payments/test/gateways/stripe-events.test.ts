import { signatureHeader } from '@titan/gateway-simulator'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { GatewayWebhook } from '../../src/index.ts'
import { stripeAt } from '../support/simulator.ts'
import { CHARGE_KEY, intentOf, refundOf } from '../support/stripe-fake.ts'

const secret = 'whsec_titan'

/** Parses an event of Stripe's, signed as it should be. */
function parsed(type: string, object: unknown, given: Readonly<Record<string, unknown>> = {}) {
  const { parseWebhook } = stripeAt('http://127.0.0.1:1', { webhookSecret: secret })
  const event = {
    id: 'evt_1',
    object: 'event',
    api_version: '2026-10-28.endive',
    created: 1_800_000_000,
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type,
    data: { object },
    ...given,
  }
  const body = JSON.stringify(event)
  const webhook = parseWebhook?.(body, signatureHeader(body, secret, Date.now()))
  if (webhook === undefined || webhook instanceof Promise) throw new Error('the gateway reads no webhooks')
  return webhook
}

const paid = { status: 'succeeded', amount_received: 500 }
const action = { type: 'redirect_to_url', redirect_to_url: { url: 'https://bank.example/1' } }
const ofCharge = { type: 'EVENT', paymentId: 'pay_1', attemptNo: 1 } as const
const ofCapture = { type: 'EVENT', paymentId: 'cap_1', attemptNo: 2 } as const
const ofRefund = { type: 'EVENT', paymentId: 'ref_1', attemptNo: 1 } as const
const elsewhere = { type: 'MOVEMENT', chargeRef: 'pi_1', currency: 'USD' } as const

test.each<[string, string, Readonly<Record<string, unknown>>, object]>([
  [
    'a charge',
    'payment_intent.succeeded',
    intentOf({ ...paid, capture_method: 'automatic' }),
    { ...ofCharge, outcome: { type: 'SUCCEEDED', gatewayRef: 'pi_1', amount: 500, currency: 'USD' } },
  ],
  [
    'a dispute',
    'charge.dispute.created',
    {
      id: 'du_1',
      amount: 500,
      charge: 'ch_1',
      created: 1_800_000_000,
      currency: 'usd',
      evidence_details: { due_by: null },
      metadata: {},
      payment_intent: 'pi_1',
      reason: 'fraudulent',
      status: 'warning_needs_response',
    },
    {
      type: 'DISPUTE',
      saidAt: new Date(1_800_000_000_000),
      dispute: { gatewayRef: 'du_1', chargeRef: 'pi_1', amount: 500, currency: 'USD', status: 'inquiry' },
    },
  ],
  [
    'an authorization',
    'payment_intent.amount_capturable_updated',
    intentOf(),
    { ...ofCharge, outcome: { type: 'AUTHORIZED', gatewayRef: 'pi_1', amount: 500, currency: 'USD' } },
  ],
  [
    'a question of the bank',
    'payment_intent.requires_action',
    intentOf({ status: 'requires_action', next_action: action }),
    { ...ofCharge, outcome: { type: 'REQUIRES_ACTION', nextAction: { type: 'redirect' } } },
  ],
  [
    'a charge that goes on',
    'payment_intent.processing',
    intentOf({ status: 'processing' }),
    { ...ofCharge, outcome: { type: 'PENDING' } },
  ],
  [
    'a decline',
    'payment_intent.payment_failed',
    intentOf({ status: 'requires_payment_method', last_payment_error: { code: 'expired_card' } }),
    { ...ofCharge, outcome: { type: 'DECLINED', code: 'expired_card' } },
  ],
  [
    'an authorization that ended',
    'payment_intent.canceled',
    intentOf({ status: 'canceled', cancellation_reason: 'automatic' }),
    { ...ofCharge, outcome: { type: 'DECLINED', code: 'authorization_expired' } },
  ],
  [
    'a charge that was given up',
    'payment_intent.canceled',
    intentOf({ status: 'canceled', cancellation_reason: 'abandoned', latest_charge: null }),
    { ...ofCharge, outcome: { type: 'DECLINED', code: 'authentication_expired' } },
  ],
  [
    'our capture',
    'payment_intent.succeeded',
    intentOf({ ...paid, metadata: { capture_key: 'titan_cap_1_2' } }),
    { ...ofCapture, outcome: { type: 'SUCCEEDED', gatewayRef: 'ch_1', amount: 500, currency: 'USD' } },
  ],
  [
    'a capture in the dashboard',
    'payment_intent.succeeded',
    intentOf({ ...paid, amount_received: 300 }),
    {
      ...elsewhere,
      kind: 'capture',
      chargeKey: CHARGE_KEY,
      gatewayRef: 'ch_1',
      amount: 300,
      outcome: { type: 'SUCCEEDED', amount: 300 },
    },
  ],
  [
    'a capture under a key that is none of a capture',
    'payment_intent.succeeded',
    intentOf({ ...paid, metadata: { capture_key: 'titan_ref_1_2' } }),
    { ...elsewhere, kind: 'capture', amount: 500 },
  ],
  [
    'a void',
    'payment_intent.canceled',
    intentOf({ status: 'canceled', cancellation_reason: 'requested_by_customer' }),
    {
      ...elsewhere,
      kind: 'void',
      chargeKey: CHARGE_KEY,
      gatewayRef: 'ch_1',
      amount: 500,
      outcome: { type: 'SUCCEEDED' },
    },
  ],
  ['our refund', 'refund.created', refundOf(), { ...ofRefund, outcome: { type: 'SUCCEEDED', amount: 200 } }],
  [
    'our refund that waits',
    'refund.created',
    refundOf({ status: 'pending' }),
    { ...ofRefund, outcome: { type: 'PENDING', gatewayRef: 're_1' } },
  ],
  [
    'our refund that failed',
    'refund.failed',
    refundOf({ status: 'failed', failure_reason: 'declined' }),
    { ...ofRefund, outcome: { type: 'DECLINED', code: 'declined' } },
  ],
  [
    'our refund as some methods tell it',
    'charge.refund.updated',
    refundOf(),
    { ...ofRefund, outcome: { type: 'SUCCEEDED' } },
  ],
  [
    'a refund in the dashboard',
    'refund.created',
    refundOf({ metadata: {} }),
    { ...elsewhere, kind: 'refund', gatewayRef: 're_1', amount: 200, outcome: { type: 'SUCCEEDED' } },
  ],
  [
    'a refund in the dashboard, of an intent that is expanded, in our units',
    'refund.updated',
    refundOf({ metadata: null, payment_intent: { id: 'pi_1' }, amount: 700, currency: 'isk' }),
    { ...elsewhere, kind: 'refund', amount: 7, currency: 'ISK' },
  ],
  [
    'a refund under a key that is none of a refund',
    'refund.created',
    refundOf({ metadata: { gateway_key: CHARGE_KEY } }),
    { ...elsewhere, kind: 'refund' },
  ],
])('%s (%s)', (_name, type, object, expected) => {
  expect(parsed(type, object)).toMatchObject({ ...expected, eventId: 'evt_1', eventType: type })
})

test.each<[string, string, unknown]>([
  [
    'an intent of somebody else',
    'payment_intent.succeeded',
    { id: 'pi_1', status: 'succeeded', metadata: {} },
  ],
  [
    'an intent under another key',
    'payment_intent.succeeded',
    intentOf({ metadata: { gateway_key: 'titan_pay_2_1' } }),
  ],
  [
    'a capture without an amount',
    'payment_intent.succeeded',
    intentOf({ status: 'succeeded', amount_received: null }),
  ],
  [
    'the end of an authorization',
    'refund.created',
    refundOf({ metadata: {}, reason: 'expired_uncaptured_charge' }),
  ],
  ['a refund of a charge without an intent', 'refund.created', refundOf({ payment_intent: null })],
  ['a refund without an amount', 'refund.created', refundOf({ amount: '200' })],
  ['a refund without anything', 'refund.created', {}],
  ['a charge that was refunded', 'charge.refunded', { id: 'ch_1', object: 'charge', amount_refunded: 200 }],
  ['an intent that was made', 'payment_intent.created', intentOf()],
  ['an event of the future', 'toString', intentOf()],
])('%s is ignored (%s)', (_name, type, object) => {
  expect(parsed(type, object)).toMatchObject({ type: 'IGNORED', eventId: 'evt_1', eventType: type })
})

test('a refund in the dashboard counts in versions of the API in which it moves money', () => {
  const given = (api_version: unknown) =>
    parsed('refund.created', refundOf({ metadata: {} }), { api_version }).type
  expect(['2024-10-28.acacia', '2025-03-31.basil', null, undefined].map(given)).toEqual([
    'IGNORED',
    'MOVEMENT',
    'MOVEMENT',
    'MOVEMENT',
  ])
  // Ours is known by its key.
  expect(parsed('refund.created', refundOf(), { api_version: '2024-10-28.acacia' }).type).toBe('EVENT')
})

test.each([
  ['no id', { id: undefined }],
  ['no type', { type: 5 }],
  ['no data', { data: undefined }],
  ['an object that is a text', { data: { object: 'pi_1' } }],
  ['no object', { data: {} }],
])('an event with %s is none', (_name, given) => {
  expect(parsed('refund.created', refundOf(), given)).toMatchObject({
    type: 'REFUSED',
    cause: 'not_an_event',
  })
})

test('a member of any kind is an outcome or nothing, and never an error', () => {
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant(undefined))
  const intents = fc
    .dictionary(fc.constantFrom(...Object.keys(intentOf())), value, { maxKeys: 3 })
    .map((given): [string, unknown] => ['payment_intent.succeeded', { ...intentOf(paid), ...given }])
  const refunds = fc
    .dictionary(fc.constantFrom(...Object.keys(refundOf())), value, { maxKeys: 3 })
    .map((given): [string, unknown] => ['refund.updated', { ...refundOf(), ...given }])
  const types: readonly GatewayWebhook['type'][] = ['EVENT', 'MOVEMENT', 'IGNORED', 'REFUSED']
  fc.assert(
    fc.property(fc.oneof(intents, refunds), ([type, object]) => {
      expect(types).toContain(parsed(type, object).type)
    }),
    { numRuns: 300 },
  )
})
