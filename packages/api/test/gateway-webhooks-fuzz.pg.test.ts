import { signatureHeader } from '@titan/gateway-simulator'
import { createPaymentHandler, createSimulatedGateway, type Payment } from '@titan/payments'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { openTestApi } from './support/api.ts'

const SECRET = 'whsec_of_the_tests'
const api = await openTestApi({ gatewaySecrets: { STRIPE_WEBHOOK_SECRET: SECRET } })
afterAll(() => api.close())

/** Loses every answer, so the attempts stay open. */
const gateway = createSimulatedGateway({ name: 'stripe', delayMs: 0, script: () => 'unknown_before_charge' })
const handle = createPaymentHandler({ store: api.store, gateway })
let made = 0

/** A payment whose first attempt is open and of unknown outcome. */
async function openPayment(): Promise<Payment> {
  const answer = await api.store.create({ amount: 500, idempotencyKey: `fuzz-${++made}` })
  if (answer.kind !== 'created') throw new Error(`a new key was answered ${answer.kind}`)
  const { id } = answer.payment
  await handle({ id, data: { payment_id: id } }, { signal: new AbortController().signal }).catch(() => {})
  return read(id)
}

async function read(id: string): Promise<Payment> {
  const payment = await api.store.get(id)
  if (payment === undefined) throw new Error('a payment is gone')
  return payment
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', '\0', 'pi_\0', '\uD800', '1', '2', '__proto__', 'usd', 'x'.repeat(10_000)),
)
const anyValue = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  anyText,
  fc.constantFrom<unknown>(-1, 0, 0.5, 499, 501, 2 ** 53, 1e308, 'canceled', 'processing', 'eur', null),
)
const EVENT_TYPES = ['succeeded', 'payment_failed', 'processing', 'canceled'].map(
  (name) => `payment_intent.${name}`,
)

/** What to change in a sound event; a member that is undefined goes away. */
const anyChange = fc.record({
  type: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...EVENT_TYPES) },
    { weight: 1, arbitrary: anyText },
  ),
  event: fc.dictionary(fc.constantFrom('id', 'object', 'api_version'), anyValue, { maxKeys: 1 }),
  intent: fc.dictionary(
    fc.constantFrom(
      'id',
      'status',
      'amount',
      'amount_received',
      'currency',
      'metadata',
      'latest_charge',
      'last_payment_error',
      'cancellation_reason',
    ),
    fc.option(anyValue, { nil: undefined }),
    { maxKeys: 3 },
  ),
  /** Of whom it is: mostly of the payment as it is, else of another attempt or payment. */
  about: fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    {
      weight: 1,
      arbitrary: fc.record(
        { payment_id: anyText, attempt: fc.oneof(fc.constantFrom('2', '999999999'), anyText) },
        { requiredKeys: [] },
      ),
    },
  ),
  ownKey: fc.boolean(),
})

type Change = typeof anyChange extends fc.Arbitrary<infer Value> ? Value : never

interface SomeEvent {
  readonly body: string
  /** About the open attempt of the payment, under its key. */
  readonly isOfAttempt: boolean
  /** About some attempt of the payment, under the key of that attempt. */
  readonly isOfPayment: boolean
}

function eventOf({ id }: Payment, { type, event, intent, about, ownKey }: Change): SomeEvent {
  const own = { payment_id: id, attempt: '1', ...about }
  const key = ownKey ? `titan_${own.payment_id}_${own.attempt}` : `titan_${id}_1`
  const object = {
    id: 'pi_1',
    object: 'payment_intent',
    status: 'succeeded',
    currency: 'usd',
    amount: 500,
    amount_received: 500,
    latest_charge: 'ch_1',
    last_payment_error: null,
    metadata: { ...own, gateway_key: key },
    ...intent,
  }
  const isOfPayment =
    EVENT_TYPES.includes(type) &&
    !('metadata' in intent) &&
    own.payment_id === id &&
    key === `titan_${id}_${own.attempt}`
  return {
    body: JSON.stringify({ id: 'evt_1', object: 'event', type, ...event, data: { object } }),
    isOfAttempt: isOfPayment && own.attempt === '1',
    isOfPayment,
  }
}

function post(body: string): Promise<Response> {
  return api.request('/gateway-webhooks/stripe', {
    method: 'POST',
    headers: { 'stripe-signature': signatureHeader(body, SECRET, Date.now()) },
    body,
  })
}

test(
  // F57
  'a signed webhook, however odd, is no fault of the server, and moves no payment but the one of its attempt',
  { timeout: 300_000 },
  async () => {
    let payment = await openPayment()
    let ended = 0
    await fc.assert(
      fc.asyncProperty(anyChange, async (change) => {
        const { body, isOfAttempt, isOfPayment } = eventOf(payment, change)
        const response = await post(body)
        expect(response.status, body.slice(0, 500)).toBeLessThan(500)
        const { status, needsReview, attemptOpen } = await read(payment.id)
        if (status === 'PROCESSING' && !needsReview && attemptOpen) return
        // Money that moved under another key of the payment parks it, and decides nothing.
        expect(needsReview ? isOfPayment : isOfAttempt, `${status}: ${body.slice(0, 500)}`).toBe(true)
        if (!isOfAttempt) expect([status, attemptOpen]).toEqual(['PROCESSING', true])
        else ended++
        payment = await openPayment()
      }),
      // A run that moved the payment changes what the next ones meet, so there is no shrinking.
      { seed: 1_966, numRuns: 500, interruptAfterTimeLimit: 15_000, endOnFailure: true },
    )
    expect(ended).toBeGreaterThan(0)
  },
)

test(
  'whatever is signed instead of an event is refused and is no fault of the server',
  { timeout: 300_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          anyText,
          fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
          fc.constantFrom(
            '{"data":{"object":{}}}',
            '{"type":"payment_intent.succeeded","data":null}',
            '\uFEFF{}',
          ),
        ),
        async (body) => {
          expect((await post(body)).status, body.slice(0, 200)).toBe(400)
        },
      ),
      { seed: 1_966, numRuns: 200, interruptAfterTimeLimit: 10_000 },
    )
  },
)
