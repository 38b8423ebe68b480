import { expect, test } from 'vitest'
import type { ChargeOutcome, Gateway, LookupAnswer, MovementRequest } from '../../src/index.ts'
import { stripeAt } from '../support/simulator.ts'
import {
  intentOf,
  invalid,
  movementOf,
  refundOf,
  script,
  serveStripe,
  type Answer,
} from '../support/stripe-fake.ts'

const signal = new AbortController().signal

function move(gateway: Gateway, request: MovementRequest): Promise<ChargeOutcome> {
  if (gateway.move === undefined) throw new Error('the gateway moves nothing')
  return gateway.move(request, { signal })
}

const ROUTES = {
  capture: 'POST /v1/payment_intents/pi_1/capture',
  void: 'POST /v1/payment_intents/pi_1/cancel',
  refund: 'POST /v1/refunds',
  intent: 'GET /v1/payment_intents/pi_1',
  refunds: 'GET /v1/refunds',
} as const

/** Moves at a Stripe that answers as scripted. */
async function moved(
  kind: MovementRequest['kind'],
  answer: Answer,
  intent: Answer = { status: 500, body: '' },
): Promise<ChargeOutcome> {
  const { url } = await serveStripe(script({ [ROUTES[kind]]: [answer], [ROUTES.intent]: [intent] }))
  return move(stripeAt(url), movementOf(kind))
}

const captured = intentOf({ status: 'succeeded', amount_received: 500 })
const refused = intentOf({
  status: 'requires_payment_method',
  last_payment_error: { code: 'card_declined', decline_code: 'do_not_honor' },
})
const canceled = intentOf({ status: 'canceled', cancellation_reason: 'requested_by_customer' })

test.each<[MovementRequest['kind'], string, unknown, Partial<ChargeOutcome>]>([
  ['capture', 'captured', captured, { type: 'SUCCEEDED', gatewayRef: 'ch_1', amount: 500, currency: 'USD' }],
  [
    'capture',
    'captured in part',
    intentOf({ status: 'succeeded', amount_received: 300 }),
    { type: 'SUCCEEDED', amount: 300 },
  ],
  ['capture', 'still authorized', intentOf(), { type: 'UNKNOWN' }],
  ['capture', 'processing', intentOf({ status: 'processing' }), { type: 'PENDING', gatewayRef: 'ch_1' }],
  ['capture', 'of another charge', { ...captured, id: 'pi_2' }, { type: 'UNKNOWN' }],
  [
    'capture',
    'of another key',
    intentOf({ ...captured, metadata: { gateway_key: 'titan_pay_2_1' } }),
    { type: 'UNKNOWN' },
  ],
  ['capture', 'without an amount', { ...captured, amount_received: null }, { type: 'UNKNOWN' }],
  ['capture', 'nothing', {}, { type: 'UNKNOWN' }],
  ['void', 'canceled', canceled, { type: 'SUCCEEDED', gatewayRef: 'ch_1', amount: 500, currency: 'USD' }],
  ['void', 'captured', captured, { type: 'DECLINED', code: 'already_captured', kind: 'hard' }],
  ['void', 'still authorized', intentOf(), { type: 'UNKNOWN' }],
  [
    'refund',
    'succeeded',
    refundOf(),
    { type: 'SUCCEEDED', gatewayRef: 're_1', amount: 200, currency: 'USD' },
  ],
  ['refund', 'pending', refundOf({ status: 'pending' }), { type: 'PENDING', gatewayRef: 're_1' }],
  ['refund', 'waiting', refundOf({ status: 'requires_action' }), { type: 'PENDING', gatewayRef: 're_1' }],
  [
    'refund',
    'failed',
    refundOf({ status: 'failed', failure_reason: 'lost_or_stolen_card' }),
    { type: 'DECLINED', code: 'lost_or_stolen_card', kind: 'hard', gatewayRef: 're_1' },
  ],
  [
    'refund',
    'failed for want of our money',
    refundOf({ status: 'failed', failure_reason: 'insufficient_funds' }),
    { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' },
  ],
  ['refund', 'canceled', refundOf({ status: 'canceled' }), { type: 'DECLINED', code: 'refund_canceled' }],
  ['refund', 'of the future', refundOf({ status: 'toString' }), { type: 'UNKNOWN' }],
  ['refund', 'without a status', refundOf({ status: null }), { type: 'UNKNOWN' }],
  ['refund', 'under another key', refundOf({ metadata: {} }), { type: 'UNKNOWN' }],
  ['refund', 'without metadata', refundOf({ metadata: null }), { type: 'UNKNOWN' }],
  ['refund', 'without an amount', refundOf({ amount: null }), { type: 'UNKNOWN' }],
])('a %s that is answered %s', async (kind, _name, body, outcome) => {
  expect(await moved(kind, { body })).toMatchObject(outcome)
})

test('each movement has its own key, whatever else it sends', async () => {
  const answers = new Map<string, unknown>([
    [ROUTES.capture, captured],
    [ROUTES.void, canceled],
    [ROUTES.refund, refundOf()],
  ])
  const { url, received } = await serveStripe(({ route }) => ({ body: answers.get(route) }))
  const gateway = stripeAt(url)
  for (const kind of ['capture', 'void', 'refund'] as const) await move(gateway, movementOf(kind))
  expect(received).toEqual([
    {
      route: ROUTES.capture,
      key: 'titan_cap_1_1',
      form: { amount_to_capture: '500', 'metadata[capture_key]': 'titan_cap_1_1' },
    },
    { route: ROUTES.void, key: 'titan_void_1_1', form: { cancellation_reason: 'requested_by_customer' } },
    {
      route: ROUTES.refund,
      key: 'titan_ref_1_1',
      form: {
        payment_intent: 'pi_1',
        amount: '200',
        'metadata[payment_id]': 'pay_1',
        'metadata[movement_id]': 'ref_1',
        'metadata[attempt]': '1',
        'metadata[gateway_key]': 'titan_ref_1_1',
      },
    },
  ])
})

test('an amount of a refund is converted as that of a charge', async () => {
  const { url, received } = await serveStripe(() => ({ body: refundOf({ amount: 700, currency: 'isk' }) }))
  const gateway = stripeAt(url)
  const request = movementOf('refund', { amount: 7, currency: 'ISK' })
  expect(await move(gateway, request)).toMatchObject({ type: 'SUCCEEDED', amount: 7, currency: 'ISK' })
  expect(received[0]?.form['amount']).toBe('700')
  const odd = movementOf('refund', { amount: 71, currency: 'KWD' })
  expect(await move(gateway, odd)).toMatchObject({ type: 'DECLINED', code: 'invalid_amount' })
  expect(received).toHaveLength(1)
})

const unexpected = invalid({ code: 'payment_intent_unexpected_state', payment_intent: intentOf() })

test.each<[MovementRequest['kind'], string, unknown, Partial<ChargeOutcome>]>([
  ['capture', 'captured', captured, { type: 'SUCCEEDED', amount: 500 }],
  // By somebody in the dashboard: the amount is told as it is, and parks the capture.
  [
    'capture',
    'captured with another amount',
    intentOf({ status: 'succeeded', amount_received: 300 }),
    { type: 'SUCCEEDED', amount: 300 },
  ],
  ['capture', 'canceled', canceled, { type: 'DECLINED', code: 'canceled_requested_by_customer' }],
  [
    'capture',
    'expired',
    intentOf({ status: 'canceled', cancellation_reason: 'automatic' }),
    { type: 'DECLINED', code: 'authorization_expired', kind: 'hard' },
  ],
  [
    'capture',
    'authorized',
    intentOf(),
    { type: 'REJECTED', code: 'payment_intent_unexpected_state', fault: 'payment', isReplay: false },
  ],
  ['void', 'captured', captured, { type: 'DECLINED', code: 'already_captured' }],
  ['void', 'canceled', canceled, { type: 'SUCCEEDED', amount: 500 }],
])('a %s that is refused is judged by the charge, which is %s', async (kind, _name, intent, outcome) => {
  expect(await moved(kind, unexpected, { body: intent })).toMatchObject(outcome)
})

test('a capture that is refused says nothing while the charge cannot be read', async () => {
  expect(await moved('capture', unexpected)).toMatchObject({ type: 'UNKNOWN' })
})

test.each<[string, Answer, Partial<ChargeOutcome>]>([
  [
    'nothing is left',
    invalid({ code: 'charge_already_refunded', charge: 'ch_1' }),
    { type: 'REJECTED', code: 'charge_already_refunded', fault: 'payment', isReplay: false },
  ],
  ['more than is left', invalid({ param: 'amount' }), { type: 'REJECTED', fault: 'payment' }],
  ['the charge is disputed', invalid({ code: 'charge_disputed' }), { type: 'REJECTED', fault: 'payment' }],
  [
    'our balance is empty',
    invalid({ code: 'balance_insufficient' }),
    { type: 'REJECTED', code: 'balance_insufficient', fault: 'config' },
  ],
  [
    'the charge is of another account',
    invalid({ code: 'resource_missing', param: 'payment_intent' }, 404),
    { type: 'REJECTED', fault: 'config' },
  ],
  ['our account may not', invalid({ code: 'account_invalid' }), { type: 'REJECTED', fault: 'config' }],
  [
    'the answer is stored',
    { ...invalid({ code: 'charge_already_refunded' }), headers: { 'idempotent-replayed': 'true' } },
    { type: 'REJECTED', isReplay: true },
  ],
  [
    'the key has other parameters',
    { status: 400, body: { error: { type: 'idempotency_error', message: 'other parameters' } } },
    { type: 'UNKNOWN' },
  ],
  ['the key is in use', { status: 409, body: { error: { type: 'idempotency_error' } } }, { type: 'UNKNOWN' }],
  ['an error', { status: 500, body: { error: { type: 'api_error' } } }, { type: 'UNKNOWN' }],
  ['502', { status: 502, body: '<html>' }, { type: 'UNKNOWN' }],
  [
    'too many requests',
    { status: 429, body: { error: { message: 'slow down' } }, headers: { 'retry-after': '2' } },
    { type: 'NOT_SENT', fault: 'throttled', retryAfterMs: 2_000 },
  ],
  ['another key', { status: 401, body: { error: { message: 'no' } } }, { type: 'NOT_SENT', fault: 'config' }],
])('a refund is refused because of %s', async (_name, answer, outcome) => {
  expect(await moved('refund', answer)).toMatchObject(outcome)
})

test('a capture that the bank declines is a decline', async () => {
  const error = { type: 'card_error', code: 'card_declined', decline_code: 'do_not_honor' }
  const body = { error: { ...error, message: 'declined', payment_intent: intentOf() } }
  expect(await moved('capture', { status: 402, body })).toMatchObject({
    type: 'DECLINED',
    code: 'do_not_honor',
  })
})

test('a server that is not there was sent nothing', async () => {
  expect(await move(stripeAt('http://127.0.0.1:1'), movementOf('refund'))).toMatchObject({
    type: 'NOT_SENT',
    fault: 'network',
  })
})

interface Asked {
  readonly answer: LookupAnswer
  readonly routes: readonly string[]
}

async function lookedUp(
  kind: MovementRequest['kind'],
  answers: Parameters<typeof script>[0],
  gatewayRef?: string,
): Promise<Asked> {
  const { url, received } = await serveStripe(script(answers))
  const { movementId: paymentId, gatewayKey, chargeRef } = movementOf(kind)
  const request = { kind, paymentId, gatewayKey, chargeRef, gatewayRef }
  const answer = await stripeAt(url).lookup?.(request, { signal })
  if (answer === undefined) throw new Error('the gateway answers no inquiries')
  return { answer, routes: received.map(({ route }) => route) }
}

function listOf(data: readonly unknown[], has_more = false): Answer {
  return { body: { object: 'list', url: '/v1/refunds', has_more, data } }
}

test.each<['capture' | 'void', string, unknown, unknown]>([
  ['capture', 'captured', captured, { type: 'FOUND', outcome: { type: 'SUCCEEDED', amount: 500 } }],
  ['capture', 'authorized', intentOf(), { type: 'NOT_FOUND' }],
  ['capture', 'canceled', canceled, { type: 'FOUND', outcome: { type: 'DECLINED' } }],
  [
    'capture',
    'refused by the bank',
    refused,
    { type: 'FOUND', outcome: { type: 'DECLINED', code: 'do_not_honor' } },
  ],
  ['void', 'canceled', canceled, { type: 'FOUND', outcome: { type: 'SUCCEEDED', amount: 500 } }],
  ['void', 'authorized', intentOf(), { type: 'NOT_FOUND' }],
  ['void', 'refused by the bank', refused, { type: 'NOT_FOUND' }],
  ['void', 'captured', captured, { type: 'FOUND', outcome: { type: 'DECLINED', code: 'already_captured' } }],
])('an inquiry about a %s of a charge that is %s', async (kind, _name, body, answer) => {
  expect((await lookedUp(kind, { [ROUTES.intent]: [{ body }] })).answer).toMatchObject(answer as object)
})

test.each(['capture', 'void'] as const)('a %s whose charge is gone has asked nothing', async (kind) => {
  expect((await lookedUp(kind, {})).answer).toMatchObject({ type: 'FAILED_TO_ASK' })
})

test('a refund is found by its key among those of the charge, on any page', async () => {
  const others = Array.from({ length: 100 }, (_, index) => refundOf({ id: `re_o${index}`, metadata: {} }))
  const { answer, routes } = await lookedUp('refund', {
    [ROUTES.refunds]: [listOf(others, true), listOf([refundOf({ status: 'pending' })])],
  })
  expect(answer).toEqual({ type: 'FOUND', outcome: { type: 'PENDING', gatewayRef: 're_1' } })
  expect(routes).toEqual([ROUTES.refunds, ROUTES.refunds])
})

test('a refund that is in no list is not found, and not looked for without end', async () => {
  const none = await lookedUp('refund', { [ROUTES.refunds]: [listOf([refundOf({ metadata: {} })])] })
  expect(none.answer).toEqual({ type: 'NOT_FOUND' })
  const many = Array.from({ length: 100 }, (_, index) => refundOf({ id: `re_o${index}`, metadata: null }))
  const endless = await lookedUp('refund', { [ROUTES.refunds]: [listOf(many, true)] })
  expect(endless.answer).toMatchObject({ type: 'FAILED_TO_ASK' })
  expect(endless.routes).toHaveLength(10)
})

test('of two refunds under one key, the one that moved money counts', async () => {
  const { answer } = await lookedUp('refund', {
    [ROUTES.refunds]: [listOf([refundOf({ status: 'failed' }), refundOf({ id: 're_2' })])],
  })
  expect(answer).toMatchObject({ outcome: { type: 'SUCCEEDED', gatewayRef: 're_2' } })
})

test('an id of the gateway is read, and an id of another refund does not mislead', async () => {
  const known = await lookedUp('refund', { 'GET /v1/refunds/re_1': [{ body: refundOf() }] }, 're_1')
  expect(known).toMatchObject({ answer: { type: 'FOUND' }, routes: ['GET /v1/refunds/re_1'] })
  const other = { 'GET /v1/refunds/re_1': [{ body: refundOf({ metadata: {} }) }] }
  const misled = await lookedUp('refund', { ...other, [ROUTES.refunds]: [listOf([])] }, 're_1')
  expect(misled.answer).toEqual({ type: 'NOT_FOUND' })
})

test.each([401, 429, 500, 502])('an inquiry about a refund that is answered %i', async (status) => {
  const answer = { status, body: { error: { type: 'api_error', message: 'no' } } }
  const asked = await lookedUp('refund', { [ROUTES.refunds]: [answer] })
  expect(asked.answer).toMatchObject({ type: 'FAILED_TO_ASK' })
})
