import { expect, test } from 'vitest'
import { adyenAt, adyenAttempt, adyenMovement, API_KEY, serveAdyen } from '../support/adyen.ts'
import { charge } from '../support/simulator.ts'

const signal = new AbortController().signal

const FULL = {
  paymentMethod: '8416038790273850',
  customer: 'shopper_4711',
  reference: 'order 4711',
  description: 'Two tickets for Ann',
  statementDescriptor: 'TICKETS 4711',
  metadata: { seat: 'row 12', 'a name of more than twenty letters': 'x' },
  returnUrl: 'https://shop.example/back/4711',
  customerPresent: true,
} as const

test('a charge says what Adyen needs, and depends on nothing but its attempt', async () => {
  const { url, seen } = await serveAdyen(() => ({}))
  const gateway = adyenAt(url)
  await charge(gateway, adyenAttempt(FULL))
  await charge(gateway, adyenAttempt(FULL))
  expect(seen[0]?.body).toEqual({
    merchantAccount: 'TitanTest',
    amount: { value: 500, currency: 'EUR' },
    reference: adyenAttempt().gatewayKey,
    paymentMethod: { type: 'scheme', storedPaymentMethodId: FULL.paymentMethod },
    shopperReference: FULL.customer,
    shopperInteraction: 'ContAuth',
    recurringProcessingModel: 'CardOnFile',
    merchantOrderReference: FULL.reference,
    shopperStatement: FULL.statementDescriptor,
    metadata: { seat: 'row 12' },
    returnUrl: FULL.returnUrl,
    channel: 'Web',
    captureDelayHours: 0,
    authenticationData: { threeDSRequestData: { nativeThreeDS: 'disabled' } },
  })
  expect(seen[1]?.body).toEqual(seen[0]?.body)
  expect(seen[0]?.headers).toMatchObject({
    'x-api-key': API_KEY,
    'idempotency-key': adyenAttempt().gatewayKey,
    'content-type': 'application/json',
  })
})

test('off session nobody is asked, and an authorization is not captured', async () => {
  const { url, seen } = await serveAdyen(() => ({}))
  const { paymentMethod, customer } = FULL
  await charge(adyenAt(url), adyenAttempt({ paymentMethod, customer, capture: 'manual' }))
  const { body } = seen[0] ?? {}
  expect(body).toMatchObject({
    reference: `${adyenAttempt().gatewayKey}-auth`,
    recurringProcessingModel: 'UnscheduledCardOnFile',
    additionalData: { manualCapture: 'true' },
    authenticationData: { attemptAuthentication: 'never' },
  })
  expect(body).not.toHaveProperty('captureDelayHours')
})

test('keys are short enough for Adyen, those of movements too', () => {
  const longest = adyenMovement('void', 'PSP1', { attemptNo: 999_999_999 })
  expect(`titan_${longest.movementId}_${longest.attemptNo}`.length).toBeLessThanOrEqual(64)
})

test('live requests go to the address of the account', async () => {
  const { url, seen } = await serveAdyen(() => ({}))
  const { paymentMethod, customer } = FULL
  const live = adyenAt(url, { environment: 'live', livePrefix: 'abc-Titan' })
  await charge(live, adyenAttempt({ paymentMethod, customer }))
  expect(seen[0]?.path).toBe('/checkout/v72/payments')
  expect(live.mode).toBe('live')
})

test.each([400, 401, 403, 404, 409, 422, 429, 500])(
  '%d repeats nothing private of what it was told',
  async (status) => {
    const told = [
      API_KEY,
      ...Object.values(FULL).filter((one) => typeof one === 'string'),
      'row 12',
      'lost them',
    ]
    const message = `No such thing: ${told.join("', '")}`
    const body = { status, errorCode: '137', errorType: 'validation', message }
    const { url } = await serveAdyen(() => ({ status, body }))
    const gateway = adyenAt(url)
    const outcomes = [
      await charge(gateway, adyenAttempt(FULL)),
      await gateway.move?.(adyenMovement('refund', 'PSP1', { reason: 'lost them' }), { signal }),
    ]
    for (const secret of told.slice(0, -1)) expect(JSON.stringify(outcomes[0])).not.toContain(secret)
    for (const secret of [API_KEY, 'lost them']) expect(JSON.stringify(outcomes[1])).not.toContain(secret)
  },
)

test('an answer that is no JSON is not repeated', async () => {
  const { url } = await serveAdyen(() => ({ status: 200, body: [API_KEY] }))
  expect(JSON.stringify(await charge(adyenAt(url), adyenAttempt()))).not.toContain(API_KEY)
})
