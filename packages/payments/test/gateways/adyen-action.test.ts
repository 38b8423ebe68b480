import { expect, test } from 'vitest'
import type { ActionResult, Gateway, LookupAnswer } from '../../src/index.ts'
import { adyenAt, adyenAttempt, API_KEY, serveAdyen } from '../support/adyen.ts'

const { paymentId, attemptNo, gatewayKey } = adyenAttempt()
const request: ActionResult = { paymentId, attemptNo, gatewayKey, result: { redirectResult: 'X6XtfGC3!Y' } }
const complete = (gateway: Gateway, given: Partial<ActionResult> = {}) =>
  gateway.completeAction?.({ ...request, ...given }, { signal: new AbortController().signal })

const whole = {
  pspReference: 'WNS7WQ756L2GWR82',
  merchantReference: gatewayKey,
  amount: { value: 500, currency: 'EUR' },
  resultCode: 'Authorised',
}

type Case = readonly [
  name: string,
  answer: { readonly status?: number; readonly body: object },
  expected: Partial<LookupAnswer>,
]

const FAILED = { type: 'FAILED_TO_ASK' } as const

const CASES: readonly Case[] = [
  [
    'Authorised',
    { body: whole },
    { type: 'FOUND', outcome: expect.objectContaining({ type: 'SUCCEEDED', amount: 500 }) },
  ],
  [
    'Refused',
    { body: { ...whole, resultCode: 'Refused', refusalReasonCode: '11' } },
    { type: 'FOUND', outcome: expect.objectContaining({ type: 'DECLINED', code: 'authentication_failed' }) },
  ],
  [
    'another challenge',
    { body: { ...whole, resultCode: 'ChallengeShopper', action: { type: 'threeDS2', token: 'eyJ0' } } },
    { type: 'FOUND', outcome: expect.objectContaining({ type: 'REQUIRES_ACTION' }) },
  ],
  [
    'Received',
    { body: { ...whole, resultCode: 'Received' } },
    { outcome: expect.objectContaining({ type: 'PENDING' }) },
  ],
  ['another payment', { body: { ...whole, merchantReference: `${gatewayKey}1` } }, { type: 'NOT_FOUND' }],
  [
    'another way to capture',
    { body: { ...whole, merchantReference: `${gatewayKey}-auth` } },
    { type: 'NOT_FOUND' },
  ],
  ['no reference', { body: { ...whole, merchantReference: undefined } }, FAILED],
  ['no amount', { body: { ...whole, amount: undefined } }, FAILED],
  ['a result of the future', { body: { ...whole, resultCode: 'Paid' } }, FAILED],
  ['nothing', { body: {} }, FAILED],
  [
    'a result that is none',
    { status: 422, body: { errorCode: '101', errorType: 'validation' } },
    { type: 'NOT_FOUND' },
  ],
  ['the same at the same time', { status: 422, body: { errorCode: '704', errorType: 'validation' } }, FAILED],
  ['a key that is revoked', { status: 401, body: { errorCode: '000', errorType: 'security' } }, FAILED],
  ['a fault', { status: 500, body: { errorCode: '905', errorType: 'internal' } }, FAILED],
]

test.each(CASES)('%s', async (_name, answer, expected) => {
  const { url } = await serveAdyen(() => answer)
  expect(await complete(adyenAt(url))).toMatchObject(expected)
})

test('an authorization stays one', async () => {
  const { url } = await serveAdyen(() => ({ body: { ...whole, merchantReference: `${gatewayKey}-auth` } }))
  expect(await complete(adyenAt(url), { capture: 'manual' })).toMatchObject({
    outcome: { type: 'AUTHORIZED' },
  })
})

test('only Adyen’s own members are sent, under a key of the attempt and the result', async () => {
  const { url, seen } = await serveAdyen(() => ({ body: whole }))
  const gateway = adyenAt(url)
  const results = [
    { redirectResult: 'a', MD: 'b' },
    { threeDSResult: 'a' },
    { threeDSResult: 'a' },
    { payment_intent: 'c' },
  ]
  for (const result of results) await complete(gateway, { result })
  expect(seen.map(({ path, body }) => [path, body])).toEqual([
    ['/v72/payments/details', { details: { redirectResult: 'a' } }],
    ['/v72/payments/details', { details: { threeDSResult: 'a' } }],
    ['/v72/payments/details', { details: { threeDSResult: 'a' } }],
  ])
  const keys = seen.map(({ headers }) => String(headers['idempotency-key']))
  expect(new Set(keys).size).toBe(2)
  expect(keys[1]).toBe(keys[2])
  await complete(gateway, { result: { threeDSResult: 'a' }, gatewayKey: `${gatewayKey}1` })
  expect(keys).not.toContain(seen.at(-1)?.headers['idempotency-key'])
  expect(keys.every((key) => key.length <= 64)).toBe(true)
})

test('a reason repeats neither the result nor the key', async () => {
  const message = `bad X6XtfGC3!Y with ${API_KEY}`
  const { url } = await serveAdyen(() => ({ status: 500, body: { message, errorType: 'internal' } }))
  const text = JSON.stringify(await complete(adyenAt(url)))
  expect(text).toContain('bad … with …')
})
