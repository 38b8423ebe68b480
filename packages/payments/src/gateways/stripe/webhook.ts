import { messageOf } from '@titan/queue-core/text-of'
import type Stripe from 'stripe'
import * as v from 'valibot'
import { reasonOf } from '../../domain/evidence.ts'
import { gatewayKeyOf, kindOf } from '../../domain/identifiers.ts'
import type { ChargeOutcome, GatewayWebhook, ReportedEvent, WebhookRefusal } from '../gateway.ts'
import { fromStripeAmount } from './amount.ts'
import type { Known } from './client.ts'
import { disputeOf } from './list.ts'
import { outcomeOfIntentMovement, outcomeOfRefund } from './movement.ts'
import { hasExpired, outcomeOfIntent, wasAuthorized } from './outcome.ts'
import { CAPTURE_KEY } from './parameters.ts'
import { redact } from './redaction.ts'

/** Oldest signature that is accepted, in seconds. */
const TOLERANCE_S = 300

const EventSchema = v.object({
  id: v.string(),
  type: v.string(),
  api_version: v.nullish(v.string()),
  created: v.optional(v.number()),
  data: v.object({ object: v.looseObject({}) }),
})

type StripeEvent = v.InferOutput<typeof EventSchema>

/** What the readers return: the event's id and type are added once. */
type Reading =
  | Omit<Extract<ReportedEvent, { type: 'EVENT' }>, 'eventId' | 'eventType'>
  | Omit<Extract<ReportedEvent, { type: 'MOVEMENT' }>, 'eventId' | 'eventType'>
  | Omit<Extract<ReportedEvent, { type: 'DISPUTE' }>, 'eventId' | 'eventType'>
  | { readonly type: 'IGNORED'; readonly reason: string }

type Reader = (object: unknown, event: StripeEvent) => Reading

/**
 * The events that say what became of a charge, capture, void or refund, each with the reader of its object. Stripe sends
 * them in any order, and each object is as it was at its event. `charge.refunded` names no refund: `refund.created` does.
 */
const READERS = new Map<string, Reader>([
  ...readersOf(readIntent, [
    'payment_intent.succeeded',
    'payment_intent.payment_failed',
    'payment_intent.processing',
    'payment_intent.canceled',
    'payment_intent.requires_action',
    'payment_intent.amount_capturable_updated',
  ]),
  ...readersOf(readDispute, [
    'charge.dispute.created',
    'charge.dispute.updated',
    'charge.dispute.closed',
    'charge.dispute.funds_withdrawn',
    'charge.dispute.funds_reinstated',
  ]),
  ...readersOf(readRefund, ['refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated']),
])

function readersOf(read: Reader, types: readonly Known<Stripe.Event['type']>[]) {
  return types.map((type): [string, Reader] => [type, read])
}

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
      return { type: 'REFUSED', cause: refusalOf(error), reason: redact(reasonOf(error)) }
    }
    if (!v.is(EventSchema, event))
      return { type: 'REFUSED', cause: 'not_an_event', reason: 'not in the shape of an event' }
    return { ...readEvent(event), eventId: event.id, eventType: event.type }
  }
}

function readEvent(event: StripeEvent): Reading {
  const read = READERS.get(event.type)
  return read === undefined
    ? ignored('not about a charge, capture, void, refund or dispute')
    : read(event.data.object, event)
}

function ignored(reason: string): Reading {
  return { type: 'IGNORED', reason }
}

/** An intent that was made here. */
const IntentSchema = v.looseObject({
  id: v.string(),
  status: v.string(),
  metadata: v.looseObject({
    payment_id: v.string(),
    attempt: v.pipe(v.string(), v.regex(/^[1-9]\d{0,8}$/)),
    gateway_key: v.string(),
  }),
})

function readIntent(object: unknown): Reading {
  if (!v.is(IntentSchema, object)) return ignored('not about a payment of ours')
  const { payment_id: paymentId, attempt, gateway_key: gatewayKey } = object.metadata
  const attemptNo = Number(attempt)
  if (gatewayKey !== gatewayKeyOf(paymentId, attemptNo)) return ignored('not about a payment of ours')
  return readOurIntent(object, { paymentId, attemptNo, gatewayKey })
}

interface Attempt {
  readonly paymentId: string
  readonly attemptNo: number
  readonly gatewayKey: string
}

/** Signed, so it is Stripe's, and is read as an intent; a member that is missing all the same says nothing. */
function readOurIntent(object: unknown, { paymentId, attemptNo, gatewayKey: chargeKey }: Attempt): Reading {
  const intent = object as Stripe.PaymentIntent
  const kind = movementOf(intent)
  if (kind === undefined)
    return { type: 'EVENT', paymentId, attemptNo, outcome: careful(() => outcomeOfIntent(intent)) }
  const outcome = careful(() => outcomeOfIntentMovement(kind, intent))
  const ours = kind === 'capture' ? attemptOf(intent.metadata[CAPTURE_KEY], kind) : undefined
  if (ours !== undefined)
    return { type: 'EVENT', paymentId: ours.paymentId, attemptNo: ours.attemptNo, outcome }
  if (outcome.type !== 'SUCCEEDED') return ignored(`a ${kind} without an amount`)
  const { gatewayRef, amount, currency } = outcome
  const chargeRef = intent.id
  return { type: 'MOVEMENT', kind, chargeKey, chargeRef, gatewayRef, amount, currency, outcome }
}

/** Whether an intent reports a capture or a released authorization, and not its charge. */
function movementOf(intent: Stripe.PaymentIntent): 'capture' | 'void' | undefined {
  if (intent.status === 'succeeded') return intent.capture_method === 'manual' ? 'capture' : undefined
  return intent.status === 'canceled' && wasAuthorized(intent) && !hasExpired(intent) ? 'void' : undefined
}

const RefundSchema = v.looseObject({
  id: v.string(),
  status: v.nullable(v.string()),
  amount: v.pipe(v.number(), v.safeInteger()),
  currency: v.string(),
  payment_intent: v.union([v.string(), v.looseObject({ id: v.string() })]),
  reason: v.nullish(v.string()),
  metadata: v.nullish(v.looseObject({ gateway_key: v.optional(v.unknown()) })),
})

/** Before this version of the API, money that was authorized and not captured went back as a refund, too. */
const REFUNDS_MOVE_MONEY_SINCE = '2025-03-31'

function readRefund(object: unknown, { api_version: version }: StripeEvent): Reading {
  if (!v.is(RefundSchema, object)) return ignored('not about a refund of a payment intent')
  const { id: gatewayRef, payment_intent: intent, metadata } = object
  const outcome = outcomeOfRefundObject(object)
  const ours = attemptOf(metadata?.gateway_key, 'refund')
  if (ours !== undefined)
    return { type: 'EVENT', paymentId: ours.paymentId, attemptNo: ours.attemptNo, outcome }
  if (object.reason === 'expired_uncaptured_charge') return ignored('the end of an authorization')
  if (typeof version === 'string' && version < REFUNDS_MOVE_MONEY_SINCE)
    return ignored(`of API version ${version}, in which a refund may be the end of an authorization`)
  const currency = object.currency.toUpperCase()
  const amount = fromStripeAmount(object.amount, currency)
  const chargeRef = typeof intent === 'string' ? intent : intent.id
  return { type: 'MOVEMENT', kind: 'refund', chargeRef, gatewayRef, amount, currency, outcome }
}

const DisputeSchema = v.looseObject({
  id: v.string(),
  status: v.string(),
  amount: v.pipe(v.number(), v.safeInteger()),
  currency: v.string(),
  created: v.number(),
  charge: v.union([v.string(), v.looseObject({ id: v.string() })]),
  payment_intent: v.union([v.string(), v.looseObject({ id: v.string() })]),
  evidence_details: v.looseObject({ due_by: v.nullish(v.number()) }),
})

function readDispute(object: unknown, { created }: StripeEvent): Reading {
  const dispute = v.is(DisputeSchema, object) ? disputeOf(object as unknown as Stripe.Dispute) : undefined
  if (dispute === undefined || created === undefined)
    return ignored('not about a dispute of a payment intent')
  return { type: 'DISPUTE', dispute, saidAt: new Date(created * 1_000) }
}

function outcomeOfRefundObject(refund: unknown): ChargeOutcome {
  return careful(() => outcomeOfRefund(refund as Stripe.Refund))
}

/** Returns the movement and attempt that a key of ours names; undefined for anything else. */
function attemptOf(key: unknown, kind: 'capture' | 'refund'): Attempt | undefined {
  const [gatewayKey, paymentId = '', attempt] =
    (typeof key === 'string' ? /^titan_([a-z]+_\w+)_([1-9]\d{0,8})$/.exec(key) : null) ?? []
  if (gatewayKey === undefined || kindOf(paymentId) !== kind) return undefined
  return { paymentId, attemptNo: Number(attempt), gatewayKey }
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

function careful(read: () => ChargeOutcome): ChargeOutcome {
  try {
    return read()
  } catch (error) {
    return { type: 'UNKNOWN', reason: redact(reasonOf(error)) }
  }
}
