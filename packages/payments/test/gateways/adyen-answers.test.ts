import { expect, test } from 'vitest'
import { adyenAt, adyenAttempt, adyenMovement, serveAdyen } from '../support/adyen.ts'
import { charge } from '../support/simulator.ts'

const signal = new AbortController().signal
const reference = adyenAttempt().gatewayKey
const given = { pspReference: 'WNS7WQ756L2GWR82', merchantReference: reference }
const amount = { value: 500, currency: 'EUR' }

type Expected = Readonly<Record<string, unknown>>

const UNKNOWN = { type: 'UNKNOWN' }

const ANSWERS: readonly (readonly [name: string, answer: object, expected: Expected])[] = [
  [
    'Authorised',
    { ...given, amount, resultCode: 'Authorised' },
    { type: 'SUCCEEDED', gatewayRef: given.pspReference },
  ],
  [
    'a part of the amount',
    { ...given, amount: { value: 300, currency: 'EUR' }, resultCode: 'PartiallyAuthorised' },
    { type: 'SUCCEEDED', amount: 300 },
  ],
  ['no amount', { ...given, resultCode: 'Authorised' }, UNKNOWN],
  [
    'an amount that is a text',
    { ...given, amount: { value: '500', currency: 'EUR' }, resultCode: 'Authorised' },
    UNKNOWN,
  ],
  ['no reference', { amount, resultCode: 'Authorised' }, UNKNOWN],
  ['another charge', { ...given, merchantReference: 'other', amount, resultCode: 'Authorised' }, UNKNOWN],
  [
    'Cancelled',
    { ...given, resultCode: 'Cancelled', refusalReasonCode: '15' },
    { type: 'DECLINED', code: 'canceled', kind: 'hard' },
  ],
  [
    'Error',
    { ...given, resultCode: 'Error', refusalReasonCode: '4' },
    { type: 'DECLINED', code: 'processing_error', kind: 'soft' },
  ],
  [
    'a reason without a code',
    { ...given, resultCode: 'Refused', refusalReason: 'Expired Card' },
    { code: 'expired_card', kind: 'hard' },
  ],
  [
    'a code of the future',
    { ...given, resultCode: 'Refused', refusalReasonCode: '77' },
    { code: 'refused_77', kind: 'hard' },
  ],
  ['no reason at all', { ...given, resultCode: 'Refused' }, { code: 'refused', kind: 'hard' }],
  [
    'advice never to try again',
    {
      ...given,
      resultCode: 'Refused',
      refusalReasonCode: '2',
      additionalData: { merchantAdviceCode: '03 : Do not try again' },
    },
    { code: 'generic_decline', kind: 'hard' },
  ],
  ['Received', { ...given, resultCode: 'Received' }, { type: 'PENDING', gatewayRef: given.pspReference }],
  ['Pending', { resultCode: 'Pending' }, { type: 'PENDING' }],
  ['AuthenticationFinished', { ...given, resultCode: 'AuthenticationFinished' }, UNKNOWN],
  ['a result of the future', { ...given, resultCode: 'Paid' }, UNKNOWN],
  ['nothing', {}, UNKNOWN],
]

test.each(ANSWERS)('%s', async (_name, body, expected) => {
  const { url } = await serveAdyen(() => ({ body }))
  expect(await charge(adyenAt(url), adyenAttempt())).toMatchObject(expected)
})

const THERE = { customerPresent: true, returnUrl: 'https://shop.example/back' }

const ACTIONS: readonly (readonly [name: string, action: unknown, expected: Expected])[] = [
  [
    'a redirect',
    { type: 'redirect', method: 'GET', url: 'https://bank.example/3ds' },
    { nextAction: { type: 'redirect', url: 'https://bank.example/3ds' } },
  ],
  [
    'a challenge',
    { type: 'threeDS2', subtype: 'challenge', token: 'eyJ0' },
    { nextAction: { type: 'sdk', clientSecret: expect.stringContaining('"challenge"') as string } },
  ],
  ['no action', undefined, UNKNOWN],
]

test.each(ACTIONS)('the customer has to act by %s', async (_name, action, expected) => {
  const { url } = await serveAdyen(() => ({ body: { ...given, resultCode: 'ChallengeShopper', action } }))
  expect(await charge(adyenAt(url), adyenAttempt(THERE))).toMatchObject(expected)
})

const ERRORS: readonly (readonly [
  name: string,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>>,
  expected: Expected,
])[] = [
  [
    'validation',
    422,
    { errorCode: '137', errorType: 'validation' },
    {},
    { type: 'REJECTED', code: 'adyen_137', fault: 'payment', isReplay: false },
  ],
  [
    'configuration',
    422,
    { errorCode: '14_012', errorType: 'configuration' },
    {},
    { type: 'REJECTED', fault: 'config' },
  ],
  [
    'a currency without an acquirer',
    422,
    { errorCode: '905_1', errorType: 'configuration' },
    {},
    { type: 'REJECTED', fault: 'payment' },
  ],
  [
    'a token that is gone',
    422,
    { errorCode: '803', errorType: 'validation' },
    {},
    { type: 'REJECTED', fault: 'payment' },
  ],
  [
    'another account',
    422,
    { errorCode: '901', errorType: 'validation' },
    {},
    { type: 'REJECTED', fault: 'config' },
  ],
  [
    'an error that says to repeat',
    422,
    { errorCode: '137', errorType: 'validation' },
    { 'transient-error': 'true' },
    UNKNOWN,
  ],
  ['a key in use', 422, { errorCode: '704', errorType: 'validation' }, {}, UNKNOWN],
  [
    'a key in use, to repeat',
    409,
    { errorCode: '704', errorType: 'validation' },
    { 'transient-error': 'true' },
    UNKNOWN,
  ],
  [
    'keys that are away',
    503,
    { errorCode: '703', errorType: 'internal' },
    { 'transient-error': 'true' },
    { type: 'NOT_SENT', fault: 'throttled' },
  ],
  ['keys that are away, not to repeat', 503, { errorCode: '703', errorType: 'internal' }, {}, UNKNOWN],
  ['a fault', 500, { errorCode: '905', errorType: 'internal' }, {}, UNKNOWN],
  [
    'a fault to repeat',
    500,
    { errorCode: '905', errorType: 'internal' },
    { 'transient-error': 'true' },
    UNKNOWN,
  ],
  ['a 422 without a code', 422, { errorType: 'validation' }, {}, UNKNOWN],
  ['a page of a proxy', 502, {}, {}, UNKNOWN],
  ['a redirect', 308, {}, { location: 'https://checkout-test.adyen.com/' }, UNKNOWN],
  [
    'a wrong key',
    401,
    { errorCode: '000', errorType: 'security' },
    {},
    { type: 'NOT_SENT', fault: 'config' },
  ],
  [
    'a missing right',
    403,
    { errorCode: '010', errorType: 'security' },
    {},
    { type: 'NOT_SENT', fault: 'config' },
  ],
]

test.each(ERRORS)('%s', async (_name, status, body, headers, expected) => {
  const { url, seen } = await serveAdyen(() => ({
    status,
    headers,
    body: { status, message: 'no', ...body },
  }))
  expect(await charge(adyenAt(url), adyenAttempt())).toMatchObject(expected)
  expect(seen).toHaveLength(1)
})

test('a movement is received, and nothing more', async () => {
  const { url, seen } = await serveAdyen(({ body }) => ({
    status: 201,
    body: { ...body, pspReference: 'MOD1', paymentPspReference: 'PSP1', status: 'received' },
  }))
  const gateway = adyenAt(url)
  for (const kind of ['capture', 'void', 'refund'] as const)
    expect(await gateway.move?.(adyenMovement(kind, 'PSP1'), { signal })).toEqual({
      type: 'PENDING',
      gatewayRef: 'MOD1',
    })
  expect(await gateway.move?.(adyenMovement('refund', 'PSP2'), { signal })).toMatchObject(UNKNOWN)
  expect(seen.map(({ path }) => path)).toEqual([
    '/v72/payments/PSP1/captures',
    '/v72/payments/PSP1/cancels',
    '/v72/payments/PSP1/refunds',
    '/v72/payments/PSP2/refunds',
  ])
  expect(seen.map(({ headers }) => headers['idempotency-key'])[0]).toBe(
    adyenMovement('capture', 'PSP1').gatewayKey,
  )
})

test('what can never be charged ends before a byte is sent', async () => {
  const { url, seen } = await serveAdyen(() => ({}))
  const gateway = adyenAt(url)
  const invalid = { type: 'DECLINED', code: 'invalid_amount' }
  expect(await charge(gateway, adyenAttempt({ amount: 150, currency: 'IDR' }))).toMatchObject(invalid)
  expect(await charge(gateway, adyenAttempt({ paymentMethod: '8416' }))).toMatchObject({
    code: 'customer_required',
  })
  expect(await charge(gateway, adyenAttempt({ customerPresent: true }))).toMatchObject({
    code: 'return_url_required',
  })
  const live = adyenAt(url, { environment: 'live', livePrefix: 'abc-Titan' })
  expect(await charge(live, adyenAttempt())).toMatchObject({
    code: 'payment_method_required',
    fault: 'payment',
  })
  expect(seen).toEqual([])
})

test.each([
  ['CLP', 500, 50_000],
  ['ISK', 500, 50_000],
  ['IDR', 50_000, 500],
  ['CVE', 50_000, 500],
  ['JPY', 500, 500],
  ['BHD', 5_000, 5_000],
])('%s of %d is %d of Adyen’s units, there and back', async (currency, ours, adyens) => {
  const { url, seen } = await serveAdyen(({ body }) => ({
    body: { ...given, amount: body['amount'], resultCode: 'Authorised' },
  }))
  const outcome = await charge(adyenAt(url), adyenAttempt({ amount: ours, currency }))
  expect(seen[0]?.body['amount']).toEqual({ value: adyens, currency })
  expect(outcome).toMatchObject({ type: 'SUCCEEDED', amount: ours, currency })
})
