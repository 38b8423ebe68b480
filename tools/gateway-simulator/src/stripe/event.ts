import type Stripe from 'stripe'
import type { DisputeRow } from '../model/dispute.ts'
import type { IntentRow } from '../model/intent.ts'
import type { RefundRow } from '../model/refund.ts'
import { chargeOf } from './charge.ts'
import { disputeOf } from './dispute.ts'
import { paymentIntentOf } from './payment-intent.ts'
import { refundOf } from './refund.ts'
import { secondsOf } from './seconds.ts'

/** The version of Stripe's API that the objects are in: the one that the SDK is typed for. */
export const API_VERSION: Stripe.LatestApiVersion = '2026-10-28.endive'

/** The events that the simulator sends. */
export type EventType = Extract<
  Stripe.Event.Type,
  | `payment_intent.${'created' | 'succeeded' | 'payment_failed' | 'processing' | 'requires_action'}`
  | `payment_intent.${'canceled' | 'amount_capturable_updated'}`
  | `charge.${'succeeded' | 'failed' | 'captured' | 'refunded' | 'expired'}`
  | `charge.dispute.${'created' | 'updated' | 'closed'}`
  | `refund.${'created' | 'updated' | 'failed'}`
>

/** Something that happened, with the rows as they were then. */
export interface Happening {
  readonly type: EventType
  readonly intent: IntentRow
  readonly refund?: RefundRow
  readonly dispute?: DisputeRow
}

/** The request that made something happen; null when nobody asked. */
export type EventRequestFacts = Stripe.Event.Request | null

/** Writes an event about an object. */
export function eventOf(
  id: string,
  type: string,
  object: Stripe.PaymentIntent | Stripe.Charge | Stripe.Refund | Stripe.Dispute,
  request: EventRequestFacts,
  now: number,
): Stripe.EventBase {
  return {
    id,
    object: 'event',
    api_version: API_VERSION,
    created: secondsOf(now),
    data: { object },
    livemode: false,
    pending_webhooks: 1,
    request: request ?? { id: null, idempotency_key: null },
    type: type as Stripe.Event.Type,
  }
}

/** Returns the object that an event is about. */
export function objectOf({ type, intent, refund, dispute }: Happening) {
  if (dispute !== undefined) return disputeOf(dispute)
  if (type.startsWith('refund.') && refund !== undefined) return refundOf(refund)
  if (type.startsWith('charge.') && intent.charge !== null) return chargeOf(intent, intent.charge)
  return paymentIntentOf(intent)
}
