import type Stripe from 'stripe'
import { expect, expectTypeOf, test } from 'vitest'
import type { ChargeOutcome, ChargeRequest, LookupAnswer } from '../../src/index.ts'
import type { Known } from '../../src/gateways/stripe/client.ts'
import { outcomeOfIntent, type ByStatus } from '../../src/gateways/stripe/outcome.ts'
import { attemptOf, charge, stripeAt } from '../support/simulator.ts'
import {
  CHARGE_KEY,
  intentOf,
  invalid,
  script,
  serveStripe,
  type Answer,
  type Received,
} from '../support/stripe-fake.ts'

const signal = new AbortController().signal
const INTENT = 'GET /v1/payment_intents/pi_1'
const CANCEL = 'POST /v1/payment_intents/pi_1/cancel'

async function charged(
  intent: Readonly<Record<string, unknown>>,
  given: Partial<ChargeRequest> = {},
): Promise<ChargeOutcome> {
  const { url } = await serveStripe(() => ({ body: intent }))
  return charge(stripeAt(url), attemptOf('pay_1', given))
}

const chargeUntil = (capture_before: unknown) => ({
  id: 'ch_1',
  payment_method_details: { card: { capture_before } },
})

test.each<[string, unknown, Date | null]>([
  ['a time in the charge', chargeUntil(1_800_000_000), new Date(1_800_000_000_000)],
  ['a charge without the time', { id: 'ch_1', payment_method_details: {} }, null],
  ['a charge without details', { id: 'ch_1', payment_method_details: null }, null],
  ['a time that is none', chargeUntil('soon'), null],
  ['a time out of range', chargeUntil(1e20), null],
  ['the id of the charge', 'ch_1', null],
  ['no charge', null, null],
])('an authorization with %s', async (_name, latest_charge, expiresAt) => {
  expect(await charged(intentOf({ latest_charge }), { capture: 'manual' })).toEqual({
    type: 'AUTHORIZED',
    gatewayRef: 'pi_1',
    amount: 500,
    currency: 'USD',
    expiresAt,
  })
})

test('what can be captured counts, in our units', async () => {
  const intent = intentOf({ amount: 700, amount_capturable: 600, currency: 'isk' })
  expect(await charged(intent)).toMatchObject({ type: 'AUTHORIZED', amount: 6, currency: 'ISK' })
  expect(await charged(intentOf({ amount_capturable: null }))).toMatchObject({ type: 'UNKNOWN' })
})

const waiting = (next_action: unknown, given: Readonly<Record<string, unknown>> = {}) =>
  intentOf({ status: 'requires_action', latest_charge: null, next_action, ...given })

const byLibrary = { type: 'use_stripe_sdk', use_stripe_sdk: {} }
const byAddress = { type: 'redirect_to_url', redirect_to_url: { url: 'https://bank.example/1' } }

test.each<[string, unknown, unknown]>([
  ['an address', byAddress, { type: 'redirect', url: 'https://bank.example/1' }],
  ['Stripe’s library', byLibrary, { type: 'sdk', clientSecret: 'pi_1_secret_2' }],
  ['another action', { type: 'of_the_future' }, { type: 'sdk', clientSecret: 'pi_1_secret_2' }],
  [
    'an empty address',
    { type: 'redirect_to_url', redirect_to_url: { url: '' } },
    { type: 'sdk', clientSecret: 'pi_1_secret_2' },
  ],
])('a question of the bank is asked by %s', async (_name, action, nextAction) => {
  expect(await charged(waiting(action), { customerPresent: true })).toEqual({
    type: 'REQUIRES_ACTION',
    gatewayRef: 'pi_1',
    nextAction,
    expiresAt: null,
  })
})

test.each([
  ['no action', waiting(null)],
  ['no secret', waiting(byLibrary, { client_secret: null })],
])('a question with %s says nothing', async (_name, intent) => {
  expect(await charged(intent, { customerPresent: true })).toMatchObject({ type: 'UNKNOWN' })
})

test('a bank that asks while the customer is away declines', async () => {
  const error = {
    type: 'card_error',
    code: 'authentication_required',
    decline_code: 'authentication_required',
    message: 'Your card was declined. This transaction requires authentication.',
    payment_intent: intentOf({ status: 'requires_payment_method' }),
  }
  const { url } = await serveStripe(() => ({ status: 402, body: { error } }))
  expect(await charge(stripeAt(url), attemptOf('pay_1', { paymentMethod: 'pm_1' }))).toEqual({
    type: 'DECLINED',
    code: 'authentication_required',
    kind: 'hard',
    gatewayRef: 'pi_1',
  })
})

test.each<[string, Readonly<Record<string, unknown>>, string]>([
  ['of an authorization by the clock', { cancellation_reason: 'automatic' }, 'authorization_expired'],
  ['of an authorization by us', { cancellation_reason: 'abandoned' }, 'authorization_expired'],
  ['of an authorization', { cancellation_reason: 'duplicate' }, 'canceled_duplicate'],
  [
    'of a question by us',
    { cancellation_reason: 'abandoned', latest_charge: null },
    'authentication_expired',
  ],
  ['by nobody', { cancellation_reason: null, latest_charge: null }, 'canceled_by_gateway'],
  ['for a reason of the future', { cancellation_reason: 'toString' }, 'canceled_toString'],
  [
    'after a decline',
    { cancellation_reason: 'abandoned', last_payment_error: { decline_code: 'insufficient_funds' } },
    'insufficient_funds',
  ],
])('a cancellation %s is a decline', async (_name, given, code) => {
  expect(await charged(intentOf({ status: 'canceled', ...given }))).toMatchObject({
    type: 'DECLINED',
    code,
    kind: 'hard',
    gatewayRef: 'pi_1',
  })
})

test.each<[string, Partial<ChargeRequest>, Answer, Partial<ChargeOutcome>]>([
  [
    'its method is unknown',
    { paymentMethod: 'pm_1' },
    invalid({ param: 'payment_method', code: 'resource_missing' }),
    { fault: 'payment' },
  ],
  [
    'our method is unknown',
    {},
    invalid({ param: 'payment_method', code: 'resource_missing' }),
    { fault: 'config' },
  ],
  [
    'its method was used up',
    { paymentMethod: 'pm_1' },
    invalid({ code: 'payment_method_unexpected_state' }),
    { fault: 'payment' },
  ],
  ['its method is refused without a code', { paymentMethod: 'pm_1' }, invalid({}), { fault: 'payment' }],
  ['its customer is unknown', { customer: 'cus_1' }, invalid({ param: 'customer' }), { fault: 'payment' }],
  [
    'its descriptor is too long',
    { statementDescriptor: 'TOO LONG' },
    invalid({ param: 'statement_descriptor_suffix' }),
    { fault: 'payment' },
  ],
  [
    'its metadata is wrong',
    { metadata: { '[': 'x' } },
    invalid({ param: 'metadata[[]' }),
    { fault: 'payment' },
  ],
  [
    'our account is closed',
    { paymentMethod: 'pm_1' },
    invalid({ code: 'account_invalid' }),
    { fault: 'config' },
  ],
  [
    'our program sends nonsense',
    { paymentMethod: 'pm_1' },
    invalid({ code: 'parameter_unknown', param: 'confirmm' }),
    { fault: 'config' },
  ],
  ['the address is wrong', { paymentMethod: 'pm_1' }, invalid({}, 404), { fault: 'config' }],
])('a charge is refused because %s', async (_name, given, answer, outcome) => {
  const { url } = await serveStripe(() => answer)
  expect(await charge(stripeAt(url), attemptOf('pay_1', given))).toMatchObject({
    type: 'REJECTED',
    ...outcome,
  })
})

async function asked(
  verb: 'lookup' | 'abandon',
  answers: Parameters<typeof script>[0],
): Promise<{ readonly answer: LookupAnswer; readonly received: readonly Received[] }> {
  const { url, received } = await serveStripe(script(answers))
  const request = { kind: 'charge', paymentId: 'pay_1', gatewayKey: CHARGE_KEY, gatewayRef: 'pi_1' } as const
  const answer = await stripeAt(url)[verb]?.(request, { signal })
  if (answer === undefined) throw new Error(`the gateway has no ${verb}`)
  return { answer, received }
}

const canceled = intentOf({ status: 'canceled', cancellation_reason: 'abandoned' })

test.each(['requires_action', 'requires_capture', 'requires_confirmation', 'requires_payment_method'])(
  'a charge in %s is canceled when it is given up, under a separate key',
  async (status) => {
    const { answer, received } = await asked('abandon', {
      [INTENT]: [{ body: intentOf({ status }) }, { body: canceled }],
      [CANCEL]: [{ body: canceled }],
    })
    expect(answer).toMatchObject({ type: 'FOUND', outcome: { type: 'DECLINED', kind: 'hard' } })
    expect(received.map(({ route }) => route)).toEqual([INTENT, CANCEL, INTENT])
    expect(received[1]).toMatchObject({
      key: `${CHARGE_KEY}_abandon`,
      form: { cancellation_reason: 'abandoned' },
    })
  },
)

test.each<[string, Readonly<Record<string, unknown>>, Partial<ChargeOutcome>]>([
  ['succeeded', { status: 'succeeded', amount_received: 500 }, { type: 'SUCCEEDED', amount: 500 }],
  ['canceled', { status: 'canceled' }, { type: 'DECLINED' }],
  ['processing', { status: 'processing' }, { type: 'PENDING' }],
])('a charge that is %s is left as it is', async (_name, given, outcome) => {
  const { answer, received } = await asked('abandon', { [INTENT]: [{ body: intentOf(given) }] })
  expect(answer).toMatchObject({ type: 'FOUND', outcome })
  expect(received).toHaveLength(1)
})

test.each<[string, Answer, unknown, unknown]>([
  [
    'the customer was faster',
    invalid({ code: 'payment_intent_unexpected_state' }),
    intentOf({ status: 'succeeded', amount_received: 500 }),
    { outcome: { type: 'SUCCEEDED', amount: 500 } },
  ],
  ['the answer was lost', { status: 502, body: '' }, canceled, { outcome: { type: 'DECLINED' } }],
  [
    'nothing came of it',
    { status: 500, body: { error: { type: 'api_error' } } },
    waiting(byAddress),
    { outcome: { type: 'REQUIRES_ACTION' } },
  ],
])('when a charge is given up and %s, the intent says what is true', async (_name, answer, then, found) => {
  const given = await asked('abandon', {
    [INTENT]: [{ body: waiting(byAddress) }, { body: then }],
    [CANCEL]: [answer],
  })
  expect(given.answer).toMatchObject({ type: 'FOUND', ...(found as object) })
})

test('a charge that cannot be read again was not given up', async () => {
  const { answer } = await asked('abandon', {
    [INTENT]: [{ body: waiting(byAddress) }, { status: 500, body: '' }],
    [CANCEL]: [{ body: canceled }],
  })
  expect(answer).toMatchObject({ type: 'FAILED_TO_ASK' })
})

const declined = (metadata: Readonly<Record<string, string>>) =>
  intentOf({
    status: 'requires_payment_method',
    last_payment_error: { code: 'payment_intent_authentication_failure' },
    latest_charge: null,
    metadata,
  })

test('a decline whose secret is in a browser is closed before it is told', async () => {
  const open = declined({ customer_present: 'true' })
  const closed = { ...open, status: 'canceled', cancellation_reason: 'abandoned' }
  const { answer, received } = await asked('lookup', {
    [INTENT]: [{ body: open }, { body: closed }],
    [CANCEL]: [{ body: closed }],
  })
  expect(answer).toMatchObject({
    outcome: { type: 'DECLINED', code: 'payment_intent_authentication_failure', kind: 'hard' },
  })
  expect(received.map(({ route }) => route)).toEqual([INTENT, CANCEL, INTENT])
})

test('a customer who paid with another card meanwhile has paid', async () => {
  const { answer } = await asked('lookup', {
    [INTENT]: [
      { body: declined({ customer_present: 'true' }) },
      { body: intentOf({ status: 'succeeded', amount_received: 500 }) },
    ],
    [CANCEL]: [invalid({ code: 'payment_intent_unexpected_state' })],
  })
  expect(answer).toMatchObject({ outcome: { type: 'SUCCEEDED', amount: 500 } })
})

test('a decline without a customer is told as it is', async () => {
  const { answer, received } = await asked('lookup', { [INTENT]: [{ body: declined({}) }] })
  expect(answer).toMatchObject({ outcome: { type: 'DECLINED' } })
  expect(received).toHaveLength(1)
})

test('each status that the SDK names has its meaning, and one that it does not name has none', () => {
  // Breaks the type check when the SDK gains or loses a status.
  expectTypeOf<keyof ByStatus>().toEqualTypeOf<Known<Stripe.PaymentIntent.Status>>()
  const meanings: Readonly<Record<Known<Stripe.PaymentIntent.Status>, ChargeOutcome['type']>> = {
    succeeded: 'SUCCEEDED',
    processing: 'PENDING',
    requires_payment_method: 'UNKNOWN',
    requires_action: 'REQUIRES_ACTION',
    requires_capture: 'AUTHORIZED',
    requires_confirmation: 'UNKNOWN',
    canceled: 'DECLINED',
  }
  for (const [status, type] of Object.entries(meanings)) {
    const intent = intentOf({ status, next_action: byAddress })
    expect(outcomeOfIntent(intent as object as Stripe.PaymentIntent).type, status).toBe(type)
  }
})
