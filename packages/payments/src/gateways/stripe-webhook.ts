import { messageOf } from '@titan/queue-core/text-of'
import type Stripe from 'stripe'
import * as v from 'valibot'
import { reasonOf } from '../domain/evidence.ts'
import type { ChargeOutcome, GatewayWebhook, WebhookRefusal } from './gateway.ts'
import { gatewayKeyOf } from '../domain/identifiers.ts'
import { outcomeOfIntent } from './stripe-outcome.ts'

/** Oldest signature that is accepted, in seconds. */
const TOLERANCE_S = 300

/** The events that say how a charge ended, or that it has not yet. */
const EVENT_TYPES: ReadonlySet<string> = new Set([
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.processing',
  'payment_intent.canceled',
])

const EventSchema = v.object({
  id: v.string(),
  type: v.string(),
  data: v.object({ object: v.looseObject({}) }),
})

/** An intent that was made here. */
const IntentSchema = v.looseObject({
  id: v.string(),
  metadata: v.object({
    payment_id: v.string(),
    attempt: v.pipe(v.string(), v.regex(/^[1-9]\d{0,8}$/)),
    gateway_key: v.string(),
  }),
})

/** Reads webhooks of Stripe's. The body must be the bytes that came: the signature is over them. */
export function createStripeWebhookParser(
  webhooks: Pick<Stripe['webhooks'], 'constructEvent'>,
  secret: string,
): (body: string | Uint8Array, signature: string | undefined) => GatewayWebhook {
  return (body, signature) => {
    const payload = typeof body === 'string' ? body : Buffer.from(body)
    let event: unknown
    try {
      event = webhooks.constructEvent(payload, signature ?? '', secret, TOLERANCE_S)
    } catch (error) {
      return { type: 'REFUSED', cause: refusalOf(error), reason: reasonOf(error) }
    }
    if (!v.is(EventSchema, event))
      return { type: 'REFUSED', cause: 'not_an_event', reason: 'not in the shape of an event' }
    const { id: eventId, type: eventType, data } = event
    const ignored = (reason: string): GatewayWebhook => ({ type: 'IGNORED', eventId, eventType, reason })
    if (!EVENT_TYPES.has(eventType)) return ignored('not about the outcome of a charge')
    if (!v.is(IntentSchema, data.object)) return ignored('not about a payment of ours')
    const { payment_id: paymentId, attempt, gateway_key: gatewayKey } = data.object.metadata
    const attemptNo = Number(attempt)
    if (gatewayKey !== gatewayKeyOf(paymentId, attemptNo)) return ignored('not about a payment of ours')
    return { type: 'EVENT', eventId, eventType, paymentId, attemptNo, outcome: read(data.object) }
  }
}

/** Stripe's library names its reasons in the text only. */
const REFUSALS: readonly (readonly [RegExp, WebhookRefusal])[] = [
  [/^Timestamp outside the tolerance zone/, 'too_old'],
  [/^No signatures found matching/, 'bad_signature'],
  [/^(No stripe-signature header|Unable to extract timestamp|No signatures found with)/, 'no_signature'],
  [/thin event/, 'thin_event'],
]

function refusalOf(error: unknown): WebhookRefusal {
  const text = messageOf(error)
  return REFUSALS.find(([pattern]) => pattern.test(text))?.[1] ?? 'not_an_event'
}

/** Signed, so it is Stripe's; a member that is missing all the same says nothing. */
function read(intent: unknown): ChargeOutcome {
  try {
    return outcomeOfIntent(intent as Stripe.PaymentIntent)
  } catch (error) {
    return { type: 'UNKNOWN', reason: reasonOf(error) }
  }
}
