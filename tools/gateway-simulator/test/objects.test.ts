import { Stripe } from 'stripe'
import { expect, test } from 'vitest'
import { startSimulator } from './support/rig.ts'
import { idOf, payment, refusalOf, stripeAt } from './support/stripe.ts'
import { API_VERSION } from '../src/stripe/event.ts'

test('the objects are in the version that the SDK speaks', () => {
  expect(API_VERSION).toBe(Stripe.API_VERSION)
})

test('an intent has the members that Stripe always sends, null where they are unused', async () => {
  const stripe = stripeAt(await startSimulator())
  const intent = await stripe.paymentIntents.create(payment({ description: 'two books' }))
  expect(intent).toMatchObject({
    object: 'payment_intent',
    amount_capturable: 0,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic_async',
    confirmation_method: 'automatic',
    customer: null,
    description: 'two books',
    last_payment_error: null,
    next_action: null,
    payment_method_types: ['card'],
    setup_future_usage: null,
    status: 'succeeded',
  })
  expect(intent.client_secret).toMatch(new RegExp(`^${intent.id}_secret_\\w+$`))
  // A test card becomes a payment method of its own.
  expect(intent.payment_method).toMatch(/^pm_[0-9a-f]+$/)
})

test('expansion shows the charge, the card and the customer in place of their ids', async () => {
  const stripe = stripeAt(await startSimulator())
  const customer = await stripe.customers.create({ email: 'ada@example.com', metadata: { shop: '7' } })
  const card = await stripe.paymentMethods.attach('pm_card_mastercard', { customer: customer.id })
  const intent = await stripe.paymentIntents.create(
    payment({
      customer: customer.id,
      payment_method: card.id,
      statement_descriptor_suffix: 'BOOKS',
      expand: ['latest_charge', 'payment_method', 'customer'],
    }),
  )
  expect(intent).toMatchObject({
    customer: { id: customer.id, email: 'ada@example.com', metadata: { shop: '7' } },
    payment_method: { id: card.id, customer: customer.id, card: { brand: 'mastercard', last4: '4444' } },
    latest_charge: {
      paid: true,
      captured: true,
      amount_captured: 1000,
      calculated_statement_descriptor: 'TITAN* BOOKS',
      payment_method_details: { card: { brand: 'mastercard' } },
    },
  })
  expect(await refusalOf(stripe.paymentIntents.retrieve(intent.id, { expand: ['shipping'] }))).toMatchObject({
    message: 'This property cannot be expanded (shipping).',
  })
})

test('two customers have a card each, and neither pays with the other’s', async () => {
  const stripe = stripeAt(await startSimulator())
  const [ada, bob] = [await stripe.customers.create(), await stripe.customers.create()]
  const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: ada.id })
  expect((await stripe.customers.listPaymentMethods(ada.id)).data.map(({ id }) => id)).toEqual([card.id])
  const pay = (customer?: string) =>
    stripe.paymentIntents.create(
      payment({ payment_method: card.id, ...(customer !== undefined && { customer }) }),
    )
  expect((await pay(ada.id)).status).toBe('succeeded')
  expect((await pay(ada.id)).status).toBe('succeeded')
  expect(await refusalOf(pay(bob.id))).toMatchObject({ statusCode: 400, param: 'payment_method' })
  expect(await refusalOf(pay())).toMatchObject({ statusCode: 400, param: 'payment_method' })
  const attach = stripe.paymentMethods.attach(card.id, { customer: bob.id })
  expect((await refusalOf(attach)).message).toContain('already been attached')
})

test('a payment method that a payment used up cannot be used again', async () => {
  const stripe = stripeAt(await startSimulator())
  const { payment_method } = await stripe.paymentIntents.create(payment())
  const again = payment({ payment_method: idOf(payment_method) })
  expect((await refusalOf(stripe.paymentIntents.create(again))).message).toContain('may not be used again')
})

test('an intent is created first and confirmed later', async () => {
  const stripe = stripeAt(await startSimulator())
  const { confirm: _, payment_method: __, ...later } = payment()
  const created = await stripe.paymentIntents.create(later)
  expect(created).toMatchObject({ status: 'requires_payment_method', latest_charge: null })
  expect(await refusalOf(stripe.paymentIntents.confirm(created.id))).toMatchObject({ statusCode: 400 })
  const declined = stripe.paymentIntents.confirm(created.id, { payment_method: 'pm_card_chargeDeclined' })
  expect(await refusalOf(declined)).toMatchObject({ statusCode: 402, code: 'card_declined' })
  const paid = await stripe.paymentIntents.confirm(created.id, { payment_method: 'pm_card_visa' })
  expect(paid).toMatchObject({ id: created.id, status: 'succeeded', last_payment_error: null })
})

test('lists are pages, newest first', async () => {
  const stripe = stripeAt(await startSimulator())
  const ids: string[] = []
  for (let made = 0; made < 5; made++) ids.unshift((await stripe.paymentIntents.create(payment())).id)
  const seen: string[] = []
  for await (const { id } of stripe.paymentIntents.list({ limit: 2 })) seen.push(id)
  expect(seen).toEqual(ids)
})

test.each([
  ['currency', payment({ currency: 'zzz' })],
  ['amount', payment({ amount: 49 })],
  ['amount', payment({ currency: 'jpy', amount: 49 })],
  ['amount', payment({ currency: 'kwd', amount: 1001 })],
  ['amount', payment({ amount: 100_000_000 })],
  ['payment_method', payment({ payment_method: 'pm_nobody' })],
  ['customer', payment({ customer: 'cus_nobody' })],
  ['statement_descriptor', payment({ statement_descriptor: 'BOOKS' })],
  ['statement_descriptor_suffix', payment({ statement_descriptor_suffix: 'X'.repeat(23) })],
  ['statement_descriptor_suffix', payment({ statement_descriptor_suffix: '12345' })],
  ['statement_descriptor_suffix', payment({ statement_descriptor_suffix: 'A*B' })],
  ['metadata[long]', payment({ metadata: { long: 'x'.repeat(501) } })],
  ['metadata', payment({ metadata: { ['k'.repeat(41)]: '1' } })],
  [
    'metadata',
    payment({ metadata: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, '1'])) }),
  ],
  ['return_url', payment({ allowed_payment_method_types: [] })],
  ['off_session', payment({ confirm: false, off_session: true })],
])('Stripe refuses a payment because of %s', async (param, given) => {
  const stripe = stripeAt(await startSimulator())
  const refusal = await refusalOf(stripe.paymentIntents.create(given))
  expect(refusal).toMatchObject({ statusCode: 400, rawType: 'invalid_request_error', param })
})

test('the codes of refused amounts, parameters, objects and URLs are Stripe’s', async () => {
  const simulator = await startSimulator()
  const stripe = stripeAt(simulator)
  const codeOf = async (call: Promise<unknown>) => (await refusalOf(call)).code
  const create = (given: Stripe.PaymentIntentCreateParams) => stripe.paymentIntents.create(given)
  expect(await codeOf(create(payment({ amount: 1 })))).toBe('amount_too_small')
  expect(await codeOf(create(payment({ amount: 100_000_000 })))).toBe('amount_too_large')
  const strange = { ...payment(), colour: 'red' }
  expect(await refusalOf(create(strange))).toMatchObject({ code: 'parameter_unknown', param: 'colour' })
  expect(await codeOf(stripe.paymentIntents.retrieve('pi_nobody'))).toBe('resource_missing')
  const unknown = await refusalOf(stripe.rawRequest('GET', '/v1/nonsense'))
  expect(unknown).toMatchObject({ statusCode: 404, rawType: 'invalid_request_error' })
  expect(unknown.message).toContain('Unrecognized request URL (GET: /v1/nonsense)')
})

test('a key of 256 characters is refused, one of 255 is not', async () => {
  const stripe = stripeAt(await startSimulator())
  const send = (length: number) =>
    stripe.paymentIntents.create(payment(), { idempotencyKey: 'k'.repeat(length) })
  expect((await send(255)).status).toBe('succeeded')
  expect(await refusalOf(send(256))).toMatchObject({ statusCode: 400 })
})

test('a currency in capitals and Basic authentication are Stripe’s too', async () => {
  const simulator = await startSimulator({ secretKey: 'sk_test_1' })
  const response = await fetch(`${simulator.url}/v1/payment_intents`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('sk_test_1:')}` },
    body: new URLSearchParams({ amount: '500', currency: 'USD' }),
  })
  expect(response.status).toBe(200)
  expect(await response.json()).toMatchObject({ currency: 'usd', status: 'requires_payment_method' })
})
