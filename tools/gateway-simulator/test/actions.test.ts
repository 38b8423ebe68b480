import { eventually } from '@titan/testkit'
import { expect, test } from 'vitest'
import { readLedger } from '../src/index.ts'
import { startSimulator } from './support/rig.ts'
import { payment, refusalOf, stripeAt } from './support/stripe.ts'

/** A payment of a customer who is there, with a card whose bank asks. */
const asking = payment({
  payment_method: 'pm_card_threeDSecure2Required',
  return_url: 'https://shop.example/orders/7?page=2',
})

test('a card that asks waits for its customer, and moves money after the answer', async () => {
  const simulator = await startSimulator()
  const stripe = stripeAt(simulator)
  const intent = await stripe.paymentIntents.create(asking, { idempotencyKey: 'k1' })
  expect(intent).toMatchObject({
    status: 'requires_action',
    latest_charge: null,
    next_action: {
      type: 'redirect_to_url',
      redirect_to_url: {
        url: `${simulator.url}/3ds/${intent.id}`,
        return_url: 'https://shop.example/orders/7?page=2',
      },
    },
  })
  expect((await readLedger(simulator.ledgerPath)).charges).toEqual([])
  const page = await fetch(`${simulator.url}/3ds/${intent.id}`)
  expect(await page.text()).toContain('do you pay $10.00?')
  const answer = await fetch(`${simulator.url}/3ds/${intent.id}`, {
    method: 'POST',
    body: new URLSearchParams({ result: 'complete' }),
    redirect: 'manual',
  })
  expect(answer.status).toBe(303)
  const back = new URL(answer.headers.get('location') ?? '')
  expect(Object.fromEntries(back.searchParams)).toEqual({
    page: '2',
    payment_intent: intent.id,
    payment_intent_client_secret: intent.client_secret,
    redirect_status: 'succeeded',
  })
  const paid = await stripe.paymentIntents.retrieve(intent.id, { expand: ['latest_charge'] })
  expect(paid).toMatchObject({
    status: 'succeeded',
    next_action: null,
    latest_charge: { payment_method_details: { card: { three_d_secure: { result: 'authenticated' } } } },
  })
  expect((await readLedger(simulator.ledgerPath)).charges).toMatchObject([{ key: 'k1', amount: 1000 }])
})

test('a failed answer is no charge, and the payment can be confirmed with another card', async () => {
  const simulator = await startSimulator()
  const stripe = stripeAt(simulator)
  const { id } = await stripe.paymentIntents.create(asking)
  await simulator.answerBank({ payment: 'pay_1', success: false })
  const failed = await stripe.paymentIntents.retrieve(id)
  expect(failed).toMatchObject({
    status: 'requires_payment_method',
    payment_method: null,
    latest_charge: null,
    last_payment_error: { code: 'payment_intent_authentication_failure', type: 'invalid_request_error' },
  })
  const paid = await stripe.paymentIntents.confirm(id, {
    payment_method: 'pm_card_visa',
    return_url: 'https://shop.example',
  })
  expect(paid.status).toBe('succeeded')
})

test('a question is answered once', async () => {
  const simulator = await startSimulator()
  const { id } = await stripeAt(simulator).paymentIntents.create(asking)
  const answers = await Promise.all(
    ['complete', 'fail', 'complete'].map((result) =>
      fetch(`${simulator.url}/3ds/${id}`, {
        method: 'POST',
        body: new URLSearchParams({ result }),
        redirect: 'manual',
      }),
    ),
  )
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)[0]).toBe(303)
  expect((await readLedger(simulator.ledgerPath)).charges.length).toBeLessThanOrEqual(1)
  await expect(simulator.answerBank({ payment: 'pay_1', success: true })).rejects.toThrow(/waits for no/)
})

test.each([
  [{ off_session: true }, 'authentication_required'],
  [{ error_on_requires_action: true }, 'authentication_not_handled'],
] as const)('with %o nobody can answer: a decline', async (given, decline_code) => {
  const stripe = stripeAt(await startSimulator())
  const { return_url: _, ...rest } = asking
  const refusal = await refusalOf(stripe.paymentIntents.create({ ...rest, ...given }))
  expect(refusal).toMatchObject({
    statusCode: 402,
    rawType: 'card_error',
    code: 'authentication_required',
    decline_code,
    payment_intent: { status: 'requires_payment_method' },
  })
})

test('without an address to come back to, Stripe’s own script asks', async () => {
  const stripe = stripeAt(await startSimulator())
  const { return_url: _, ...rest } = asking
  const intent = await stripe.paymentIntents.create({ ...rest, use_stripe_sdk: true })
  expect(intent.next_action?.type).toBe('use_stripe_sdk')
})

test('a question that is open can be canceled, and is open no more', async () => {
  const simulator = await startSimulator()
  const stripe = stripeAt(simulator)
  const { id } = await stripe.paymentIntents.create(asking)
  expect((await stripe.paymentIntents.cancel(id, { cancellation_reason: 'abandoned' })).status).toBe(
    'canceled',
  )
  await expect(simulator.answerBank({ payment: 'pay_1', success: true })).rejects.toThrow(/waits for no/)
  expect((await readLedger(simulator.ledgerPath)).charges).toEqual([])
})

test.each([
  ['action_then:ok@20', 'succeeded'],
  ['action_then:fail@20', 'requires_payment_method'],
])('%s is answered by itself', async (behaviour, status) => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: [behaviour] })
  const stripe = stripeAt(simulator)
  const { id } = await stripe.paymentIntents.create({ ...asking, payment_method: 'pm_card_visa' })
  await eventually(async () => (await stripe.paymentIntents.retrieve(id)).status === status)
})

test('an authorization that asks first is authorized after the answer', async () => {
  const simulator = await startSimulator()
  const stripe = stripeAt(simulator)
  const { id } = await stripe.paymentIntents.create({ ...asking, capture_method: 'manual' })
  await simulator.answerBank({ payment: 'pay_1', success: true })
  expect((await stripe.paymentIntents.retrieve(id)).status).toBe('requires_capture')
})
