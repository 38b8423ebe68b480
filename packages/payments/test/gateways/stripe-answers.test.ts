import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { ChargeOutcome } from '../../src/index.ts'
import { attemptOf, charge, stripeAt } from '../support/simulator.ts'

interface Answer {
  readonly status?: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const request = attemptOf('pay_1')

/** An intent of the attempt that is charged here. */
function intentOf(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return {
    id: 'pi_1',
    object: 'payment_intent',
    amount: 500,
    amount_received: 500,
    currency: 'usd',
    status: 'succeeded',
    last_payment_error: null,
    cancellation_reason: null,
    metadata: { payment_id: 'pay_1', attempt: '1', gateway_key: request.gatewayKey },
    ...given,
  }
}

function cardError(given: Readonly<Record<string, unknown>>): Answer {
  return {
    status: 402,
    body: { error: { type: 'card_error', code: 'card_declined', message: 'declined', ...given } },
  }
}

function invalid(given: Readonly<Record<string, unknown>>): Answer {
  return { status: 400, body: { error: { type: 'invalid_request_error', message: 'invalid', ...given } } }
}

/** Charges at a server that answers everything with one answer. */
async function chargeAt(answer: Answer): Promise<ChargeOutcome> {
  return charge(stripeAt(await serve(answer)), request)
}

/** The address of a server that answers everything with one answer. */
async function serve({ status = 200, body, headers = {} }: Answer): Promise<string> {
  const server = createServer((incoming, response) => {
    incoming.resume()
    response.writeHead(status, headers)
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test.each<[string, Answer]>([
  ['a status that waits for somebody', { body: intentOf({ status: 'requires_action' }) }],
  ['money that is only reserved', { body: intentOf({ status: 'requires_capture' }) }],
  ['an intent that nobody has tried to charge', { body: intentOf({ status: 'requires_payment_method' }) }],
  ['a status of the future', { body: intentOf({ status: 'toString' }) }],
  ['no status', { body: {} }],
  ['a success without an amount', { body: intentOf({ amount_received: null }) }],
  ['a success without a currency', { body: intentOf({ currency: null }) }],
  ['a success of another attempt', { body: intentOf({ metadata: { gateway_key: 'titan_pay_1_2' } }) }],
  ['a success of nobody', { body: intentOf({ metadata: {} }) }],
  ['JSON that is a number', { body: '5' }],
  ['JSON that is a text', { body: '"ok"' }],
  ['JSON that is null', { body: 'null' }],
  ['JSON that is a list', { body: '[]' }],
  ['nothing', { body: '' }],
  ['fewer bytes than announced', { body: '{}', headers: { 'content-length': '100', connection: 'close' } }],
  ['500 with a success in it', { status: 500, body: intentOf({}) }],
  ['502 with a success in it', { status: 502, body: intentOf({}) }],
  ['503 with a decline in it', { status: 503, body: intentOf({ status: 'canceled' }) }],
  ['500 with a card error', { ...cardError({ decline_code: 'stolen_card' }), status: 500 }],
  ['402 with a success in it', { status: 402, body: intentOf({}) }],
  ['409 with a success in it', { status: 409, body: intentOf({}) }],
  ['a redirect with a success in it', { status: 302, body: intentOf({}) }],
  ['401 without an error', { status: 401, body: {} }],
  ['429 whose error is empty', { status: 429, body: { error: null } }],
  ['a redirect', { status: 307, body: '', headers: { location: 'http://127.0.0.1:1/' } }],
  ['404 that is no answer of the API', { status: 404, body: '<html>' }],
  ['404 of another type', { status: 404, body: { error: { type: 'api_error', message: 'gone' } } }],
  ['409', { status: 409, body: { error: { type: 'idempotency_error', message: 'in use' } } }],
  ['424', { status: 424, body: { error: { type: 'api_error', message: 'an upstream failed' } } }],
  [
    'a conflict that calls itself an invalid request',
    { status: 409, body: { error: { type: 'invalid_request_error', message: 'conflict' } } },
  ],
  [
    'a key with other parameters',
    { status: 400, body: { error: { type: 'idempotency_error', message: 'other parameters' } } },
  ],
  [
    'a stored answer about the key',
    {
      status: 400,
      body: { error: { type: 'idempotency_error', message: 'other parameters' } },
      headers: { 'idempotent-replayed': 'true' },
    },
  ],
  ['a bad request without a type', { status: 400, body: { error: { message: 'amount', param: 'amount' } } }],
  ['400 that is no JSON', { status: 400, body: 'Bad Request' }],
  ['an invalid request with an intent', invalid({ param: 'amount', payment_intent: intentOf({}) })],
  ['an invalid request with a charge', invalid({ param: 'amount', charge: 'ch_1' })],
  ['an invalid request that waited for a lock', invalid({ param: 'amount', code: 'lock_timeout' })],
  ['an invalid request that met a limit', invalid({ param: 'amount', code: 'rate_limit' })],
  [
    'an invalid request that is to be sent again',
    { ...invalid({ param: 'amount' }), headers: { 'stripe-should-retry': 'true' } },
  ],
  ['an error page with 401', { status: 401, body: '<html>' }],
  ['an error page with 429', { status: 429, body: '<html>' }],
  [
    'a lock that was not to be had, which is met on the way',
    {
      status: 429,
      body: { error: { type: 'invalid_request_error', code: 'lock_timeout', message: 'locked' } },
    },
  ],
  [
    '402 that is no decline',
    { status: 402, body: { error: { type: 'api_error', message: 'request failed' } } },
  ],
  ['a decline of an intent that goes on', cardError({ payment_intent: intentOf({ status: 'processing' }) })],
  ['a decline of an intent that has succeeded', cardError({ payment_intent: intentOf({}) })],
  // F56
])('%s says nothing', async (_name, answer) => {
  expect(await chargeAt(answer)).toMatchObject({ type: 'UNKNOWN' })
})

test.each([302, 402, 404, 409, 429, 500, 502, 503])(
  // F56
  'an inquiry that is answered %i with a success in it has asked nothing',
  async (status) => {
    const gateway = stripeAt(await serve({ status, body: intentOf({}) }))
    const about = {
      kind: 'charge' as const,
      paymentId: 'pay_1',
      gatewayKey: request.gatewayKey,
      gatewayRef: 'pi_1',
    }
    const answer = await gateway.lookup?.(about, { signal: new AbortController().signal })
    expect(answer).toMatchObject({
      type: 'FAILED_TO_ASK',
      reason: expect.stringContaining('without an error of the API') as unknown,
    })
  },
)

test.each<[string, Answer, ChargeOutcome]>([
  [
    'the amount that was received counts, not the one that was asked',
    { body: intentOf({ amount: 500, amount_received: 400 }) },
    { type: 'SUCCEEDED', gatewayRef: 'pi_1', amount: 400, currency: 'USD' },
  ],
  [
    'a canceled intent is a hard decline',
    { body: intentOf({ status: 'canceled', cancellation_reason: 'fraudulent' }) },
    { type: 'DECLINED', code: 'canceled_fraudulent', kind: 'hard', gatewayRef: 'pi_1' },
  ],
  [
    'an error code stands in for a missing decline code',
    cardError({ code: 'expired_card' }),
    { type: 'DECLINED', code: 'expired_card', kind: 'hard' },
  ],
  [
    'a decline names its intent',
    cardError({
      decline_code: 'insufficient_funds',
      payment_intent: { id: 'pi_1', status: 'requires_payment_method' },
    }),
    { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft', gatewayRef: 'pi_1' },
  ],
  [
    'advice not to try again makes a soft decline hard',
    cardError({ decline_code: 'insufficient_funds', advice_code: 'do_not_try_again' }),
    { type: 'DECLINED', code: 'insufficient_funds', kind: 'hard' },
  ],
  [
    'advice to try again makes no hard decline soft',
    cardError({ decline_code: 'stolen_card', advice_code: 'try_again_later' }),
    { type: 'DECLINED', code: 'stolen_card', kind: 'hard' },
  ],
])('%s', async (_name, answer, outcome) => {
  expect(await chargeAt(answer)).toEqual(outcome)
})

const ours = { type: 'REJECTED', fault: 'config', isReplay: false } as const
const hopeless = { type: 'REJECTED', fault: 'payment', isReplay: false } as const

test.each<[string, Answer, Partial<ChargeOutcome>]>([
  [
    'the amount',
    invalid({ param: 'amount', code: 'amount_too_small' }),
    { ...hopeless, code: 'amount_too_small' },
  ],
  ['the amount, without a code', invalid({ param: 'amount' }), { ...hopeless, code: 'invalid_request' }],
  ['the amount, without a parameter', invalid({ code: 'amount_too_large' }), hopeless],
  ['the currency', invalid({ param: 'currency' }), hopeless],
  ['our payment method', invalid({ param: 'payment_method', code: 'resource_missing' }), ours],
  ['our account', invalid({ code: 'account_invalid' }), ours],
  ['nothing in particular', invalid({}), ours],
  ['the address', { ...invalid({}), status: 404 }, ours],
  [
    'the amount, once more',
    { ...invalid({ param: 'amount' }), headers: { 'idempotent-replayed': 'true' } },
    { ...hopeless, isReplay: true },
  ],
])('an invalid request is refused because of %s', async (_name, answer, outcome) => {
  expect(await chargeAt(answer)).toMatchObject(outcome)
})
