import { signatureHeader } from '@titan/gateway-simulator'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAdyenWebhookParser } from '../../src/gateways/adyen/webhook.ts'
import type { GatewayWebhook } from '../../src/index.ts'
import { adyenAttempt, adyenMovement, HMAC_KEY, PAYMENT } from '../support/adyen.ts'
import { bodyOf, itemOf, parse, read } from '../support/adyen-items.ts'

const charged = adyenAttempt().gatewayKey
const capture = adyenMovement('capture', 'PSP1')
const refund = adyenMovement('refund', 'PSP1')

// The vectors are those of the SDK's own tests.
test('the signature is over the bytes of the SDK’s own vectors', () => {
  const item = itemOf({
    pspReference: 'pspReference',
    originalReference: 'originalReference',
    merchantAccountCode: 'merchantAccount',
    merchantReference: 'reference',
    amount: { currency: 'EUR', value: 1000 },
    eventCode: 'REPORT_AVAILABLE',
  })
  const signed = (hmacSignature: string) =>
    JSON.stringify({
      live: 'false',
      notificationItems: [{ NotificationRequestItem: { ...item, additionalData: { hmacSignature } } }],
    })
  expect(parse(signed('ZNBPtI+oDyyRrLyD1XirkKnQgIAlFc07Vj27TeHsDRE='), undefined)).toMatchObject({
    type: 'BATCH',
    items: [{ type: 'IGNORED', eventType: 'REPORT_AVAILABLE', eventId: 'pspReference_REPORT_AVAILABLE' }],
  })
  expect(parse(signed(''), undefined)).toMatchObject({ type: 'REFUSED', cause: 'no_signature' })
  for (const wrong of ['ZNBPtI+oDyyRrLyD1XirkKnQgIAlFc07Vj27TeHsDRA=', 'notValidSign'])
    expect(parse(signed(wrong), undefined)).toMatchObject({ type: 'REFUSED', cause: 'bad_signature' })
})

const CASES: readonly (readonly [name: string, item: Record<string, unknown>, expected: object])[] = [
  [
    'a charge that succeeded',
    itemOf(),
    {
      type: 'EVENT',
      paymentId: PAYMENT,
      attemptNo: 1,
      outcome: { type: 'SUCCEEDED', gatewayRef: 'PSP1', amount: 500, currency: 'EUR' },
    },
  ],
  [
    'a charge that only authorizes',
    itemOf({ merchantReference: `${charged}-auth` }),
    { outcome: { type: 'AUTHORIZED', amount: 500 } },
  ],
  [
    'a refusal, which is the last word',
    itemOf({ success: 'false', reason: '12:Not enough balance' }),
    { isFinal: true, outcome: { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' } },
  ],
  [
    'a refusal in words',
    itemOf({ success: 'false', reason: 'FRAUD' }),
    { outcome: { code: 'fraudulent', kind: 'hard' } },
  ],
  [
    'an amount in units of Adyen’s',
    itemOf({ amount: { value: 50_000, currency: 'ISK' } }),
    { outcome: { amount: 500 } },
  ],
  [
    'the end of an authorization',
    itemOf({ eventCode: 'EXPIRE', originalReference: 'PSP1', pspReference: 'EXP1' }),
    { isFinal: true, outcome: { code: 'authorization_expired', gatewayRef: 'PSP1' } },
  ],
  [
    'the end of a question',
    itemOf({ eventCode: 'OFFER_CLOSED' }),
    { outcome: { code: 'authentication_expired' } },
  ],
  [
    'a capture of ours',
    itemOf({
      eventCode: 'CAPTURE',
      merchantReference: capture.gatewayKey,
      pspReference: 'CAP1',
      originalReference: 'PSP1',
    }),
    { type: 'EVENT', paymentId: capture.movementId, outcome: { type: 'SUCCEEDED', gatewayRef: 'CAP1' } },
  ],
  [
    'a capture that was refused',
    itemOf({
      eventCode: 'CAPTURE',
      success: 'false',
      merchantReference: capture.gatewayKey,
      pspReference: 'CAP1',
      originalReference: 'PSP1',
    }),
    { type: 'EVENT', outcome: { type: 'DECLINED', code: 'capture_refused' } },
  ],
  [
    'a capture that came back',
    itemOf({
      eventCode: 'CAPTURE_FAILED',
      merchantReference: capture.gatewayKey,
      pspReference: 'CAP1',
      originalReference: 'PSP1',
    }),
    { isFinal: true, outcome: { type: 'DECLINED', code: 'capture_failed', gatewayRef: 'CAP1' } },
  ],
  [
    'a charge that came back',
    itemOf({ eventCode: 'CAPTURE_FAILED', pspReference: 'CAP1', originalReference: 'PSP1' }),
    {
      type: 'EVENT',
      paymentId: PAYMENT,
      isFinal: true,
      outcome: { code: 'capture_failed', gatewayRef: 'PSP1' },
    },
  ],
  [
    'a void of ours',
    itemOf({
      eventCode: 'CANCELLATION',
      merchantReference: adyenMovement('void', 'PSP1').gatewayKey,
      pspReference: 'V1',
      originalReference: 'PSP1',
    }),
    {
      type: 'EVENT',
      paymentId: adyenMovement('void', 'PSP1').movementId,
      outcome: { type: 'SUCCEEDED', amount: 500 },
    },
  ],
  [
    'a void that was made at Adyen',
    itemOf({
      eventCode: 'TECHNICAL_CANCEL',
      merchantReference: `${charged}-auth`,
      pspReference: 'V1',
      originalReference: 'PSP1',
    }),
    { type: 'MOVEMENT', kind: 'void', chargeKey: charged, chargeRef: 'PSP1', gatewayRef: 'V1' },
  ],
  [
    'a refund of ours',
    itemOf({
      eventCode: 'REFUND',
      merchantReference: refund.gatewayKey,
      pspReference: 'R1',
      originalReference: 'PSP1',
    }),
    { type: 'EVENT', paymentId: refund.movementId, outcome: { type: 'SUCCEEDED', gatewayRef: 'R1' } },
  ],
  [
    'a refund that failed after its success',
    itemOf({
      eventCode: 'REFUND_FAILED',
      merchantReference: refund.gatewayKey,
      pspReference: 'R1',
      originalReference: 'PSP1',
    }),
    { type: 'EVENT', paymentId: refund.movementId, outcome: { type: 'DECLINED', code: 'refund_failed' } },
  ],
  [
    'a refund that was made at Adyen',
    itemOf({
      eventCode: 'REFUND',
      merchantReference: 'by hand',
      pspReference: 'R1',
      originalReference: 'PSP1',
      amount: { value: 200, currency: 'EUR' },
    }),
    { type: 'MOVEMENT', kind: 'refund', chargeRef: 'PSP1', gatewayRef: 'R1', amount: 200, currency: 'EUR' },
  ],
  ['a report of fraud', itemOf({ eventCode: 'NOTIFICATION_OF_FRAUD' }), { type: 'IGNORED' }],
  ['a payment that is not ours', itemOf({ merchantReference: 'order 4711' }), { type: 'IGNORED' }],
  ['another merchant account', itemOf({ merchantAccountCode: 'Other' }), { type: 'IGNORED' }],
]

test.each(CASES)('%s', (_name, item, expected) => {
  expect(read(item)).toMatchObject([expected])
})

test('each item of a body is read, and one that is not signed refuses all of them', () => {
  const items = [itemOf(), itemOf({ pspReference: 'PSP2', success: 'false', reason: '2:Refused' })]
  expect(read(...items)).toMatchObject([{ eventId: 'PSP1_AUTHORISATION' }, { eventId: 'PSP2_AUTHORISATION' }])
  const body = bodyOf(...items)
  const forged = body.replace('"PSP2","reason"', '"PSP3","reason"')
  expect(forged).not.toBe(body)
  expect(parse(forged, undefined)).toMatchObject({ type: 'REFUSED', cause: 'bad_signature' })
  expect(parse(body.replace('hmacSignature', 'other'), undefined)).toMatchObject({ cause: 'no_signature' })
})

test('a login is asked for where one is set up', () => {
  const login = 'titan:pass:word'
  const guarded = createAdyenWebhookParser({ hmacKey: HMAC_KEY, webhookLogin: login })
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  const body = bodyOf(itemOf())
  expect(guarded(body, basic(login))).toMatchObject({ type: 'BATCH' })
  for (const wrong of [undefined, '', basic('titan:other'), `Bearer ${login}`, 'Basic'])
    expect(guarded(body, wrong)).toMatchObject({ type: 'REFUSED', cause: 'no_signature' })
})

test('a body of another gateway, or none at all, is refused', () => {
  const bodies = ['', '{}', '[]', 'null', '{"notificationItems":[]}', signatureHeader('', 'x', 0)]
  for (const body of bodies)
    expect(parse(body, undefined)).toMatchObject({ type: 'REFUSED', cause: 'not_an_event' })
})

test('no body makes the parser fail or count unsigned', () => {
  const known = itemOf()
  const values = fc.oneof(fc.jsonValue(), fc.constantFrom('true', 'false', 'AUTHORISATION', charged, 'PSP1'))
  const changed = fc.dictionary(fc.constantFrom(...Object.keys(known), 'additionalData'), values)
  fc.assert(
    fc.property(fc.array(changed, { minLength: 1, maxLength: 3 }), (changes) => {
      const notificationItems = changes.map((change) => ({
        NotificationRequestItem: { ...known, ...change },
      }))
      const webhook: GatewayWebhook = parse(JSON.stringify({ notificationItems }), undefined)
      expect(webhook.type).toBe('REFUSED')
    }),
    { numRuns: 300 },
  )
})

test('whatever is signed is read, and settles nothing without its money', () => {
  const values = fc.oneof(
    fc.string(),
    fc.constantFrom(charged, `${charged}-auth`, refund.gatewayKey, 'PSP1', ''),
  )
  fc.assert(
    fc.property(
      fc.record({
        eventCode: fc.constantFrom(
          'AUTHORISATION',
          'CAPTURE',
          'REFUND',
          'CANCELLATION',
          'EXPIRE',
          'NEW_EVENT',
        ),
        merchantReference: values,
        originalReference: values,
        pspReference: values,
        reason: values,
        success: fc.constantFrom('true', 'false'),
        amount: fc.record({ value: fc.integer(), currency: fc.constantFrom('EUR', 'IDR', '') }),
      }),
      (given) => {
        const [event] = read(itemOf(given))
        if (event === undefined || event.type === 'IGNORED' || event.type === 'DISPUTE') return
        if (given.success === 'false') expect(event.outcome.type).toBe('DECLINED')
      },
    ),
    { numRuns: 300 },
  )
})
