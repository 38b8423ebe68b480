import { expect, test } from 'vitest'
import {
  captureParameters,
  chargeParameters,
  refundParameters,
  voidParameters,
} from '../../src/gateways/stripe/parameters.ts'
import { attemptOf, charge, stripeAt } from '../support/simulator.ts'
import { FULL_REQUEST, intentOf, movementOf, serveStripe } from '../support/stripe-fake.ts'

const parametersOf = (given: Parameters<typeof attemptOf>[1]) =>
  chargeParameters(attemptOf('pay_1', given), 500, given?.paymentMethod ?? 'pm_card_visa')

test('a request that says nothing more has the parameters of earlier versions, which may have sent it', () => {
  expect(parametersOf({})).toEqual({
    amount: 500,
    currency: 'usd',
    confirm: true,
    error_on_requires_action: true,
    payment_method: 'pm_card_visa',
    allowed_payment_method_types: ['card'],
    metadata: { payment_id: 'pay_1', attempt: 1, gateway_key: 'titan_pay_1_1' },
  })
})

test('what a payment says is sent, and the names that find it win over the client’s own', () => {
  expect(parametersOf(FULL_REQUEST)).toEqual({
    amount: 500,
    currency: 'usd',
    confirm: true,
    error_on_requires_action: true,
    off_session: true,
    payment_method: 'pm_1Nv0FGQ9RKHgCVdK',
    customer: 'cus_NffrFeUfNV2Hib',
    description: 'Two tickets for Ann',
    statement_descriptor_suffix: 'TICKETS 4711',
    allowed_payment_method_types: ['card'],
    metadata: {
      seat: 'row 12',
      reference: 'order 4711',
      payment_id: 'pay_1',
      attempt: 1,
      gateway_key: 'titan_pay_1_1',
    },
  })
})

test('40 pairs of the client’s leave room for ours in the 50 that Stripe takes', () => {
  const metadata = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`key ${index}`, 'value']))
  const { metadata: sent } = parametersOf({ ...FULL_REQUEST, metadata, customerPresent: true })
  expect(Object.keys(sent ?? {}).length).toBeLessThanOrEqual(48)
})

test('a customer who is there can answer the bank, by an address or in Stripe’s library', () => {
  const there = parametersOf({ customerPresent: true })
  expect(there).not.toHaveProperty('error_on_requires_action')
  expect(there).not.toHaveProperty('off_session')
  expect(there).toMatchObject({ use_stripe_sdk: true, metadata: { customer_present: 'true' } })
  const returnUrl = 'https://shop.example/done'
  const returning = parametersOf({ customerPresent: true, returnUrl })
  expect(returning).toMatchObject({ return_url: returnUrl })
  expect(returning).not.toHaveProperty('use_stripe_sdk')
})

test('an address to return to is not sent without a customer', () => {
  expect(parametersOf({ returnUrl: 'https://shop.example/done' })).not.toHaveProperty('return_url')
})

test('a manual capture asks for the charge, which says when it ends', () => {
  expect(parametersOf({ capture: 'manual' })).toMatchObject({
    capture_method: 'manual',
    expand: ['latest_charge'],
  })
  expect(parametersOf({ capture: 'automatic' })).not.toHaveProperty('capture_method')
})

test('a capture names itself on the intent', () => {
  expect(captureParameters(movementOf('capture'), 300)).toEqual({
    amount_to_capture: 300,
    metadata: { capture_key: 'titan_cap_1_1' },
  })
})

test.each([
  ['duplicate', { reason: 'duplicate' }, undefined],
  ['the parcel was lost', {}, 'the parcel was lost'],
  [undefined, {}, undefined],
])('a refund because of %s', (reason, expected, inMetadata) => {
  const { metadata, ...rest } = refundParameters(
    movementOf('refund', reason === undefined ? {} : { reason }),
    200,
  )
  expect(rest).toEqual({ payment_intent: 'pi_1', amount: 200, ...expected })
  expect(metadata).toEqual({
    payment_id: 'pay_1',
    movement_id: 'ref_1',
    attempt: 1,
    gateway_key: 'titan_ref_1_1',
    ...(inMetadata !== undefined && { reason: inMetadata }),
  })
})

test('a refund of what is known by the id of its charge names the charge', () => {
  const parameters = refundParameters(movementOf('refund', { chargeRef: 'ch_1' }), 200)
  expect(parameters).toMatchObject({ charge: 'ch_1' })
  expect(parameters).not.toHaveProperty('payment_intent')
})

test.each([
  ['fraudulent', 'fraudulent'],
  ['abandoned', 'requested_by_customer'],
  ['changed his mind', 'requested_by_customer'],
])('a void because of %s is %s', (reason, expected) => {
  expect(voidParameters(movementOf('void', { reason }))).toEqual({ cancellation_reason: expected })
})

test('a live key charges what the payment names, and nothing of the environment', async () => {
  const { url, received } = await serveStripe(() => ({ body: intentOf({ status: 'processing' }) }))
  const live = stripeAt(url, { secretKey: 'sk_live_titan', paymentMethod: 'pm_card_visa' })
  expect(await charge(live, attemptOf('pay_1'))).toEqual({
    type: 'REJECTED',
    code: 'payment_method_required',
    reason: 'the payment names no payment method',
    fault: 'payment',
    isReplay: false,
  })
  expect(received).toEqual([])
  await charge(live, attemptOf('pay_1', { paymentMethod: 'pm_2' }))
  await charge(stripeAt(url), attemptOf('pay_1'))
  expect(received.map(({ form }) => form['payment_method'])).toEqual(['pm_2', 'pm_card_visa'])
})
