/** The bodies of outgoing webhooks. */
import { DISPUTE_STATUSES, PAYMENT_STATUSES } from '@titan/payments'
import {
  TEST_EVENT_TYPE,
  WEBHOOK_EVENT_TYPES,
  type WebhookEventType,
  type WebhookPayload,
} from '@titan/webhooks'
import * as v from 'valibot'
import { described, instant } from './parts.ts'
import { amount, currency, paymentId } from './payments.ts'

const data = {
  payment_id: paymentId,
  amount,
  currency,
  status: described(
    v.picklist(PAYMENT_STATUSES),
    'From this event on; the current one is at its own address',
  ),
  sequence: v.pipe(
    v.number(),
    v.integer(),
    v.minValue(1),
    v.description('Orders the events of one payment, refund, capture or void; not every number is sent'),
  ),
}
const said = {
  reference: v.optional(v.string()),
  description: v.optional(v.string()),
  statement_descriptor: v.optional(v.string()),
  metadata: v.optional(v.record(v.string(), v.string())),
}

/** An event of these types. */
function eventOf<Type extends string, Data extends v.GenericSchema>(types: readonly Type[], schema: Data) {
  return v.object({
    type: v.picklist(types),
    timestamp: described(instant, 'When it happened (RFC 3339), in UTC'),
    data: schema,
  })
}

/** The types of one subject, such as all that begin with `payment.`. */
function typesOf<Subject extends string>(subject: Subject) {
  return WEBHOOK_EVENT_TYPES.filter((type): type is Extract<WebhookEventType, `${Subject}.${string}`> =>
    type.startsWith(`${subject}.`),
  )
}

const disabledEvent = eventOf(
  ['endpoint.disabled'],
  v.object({ endpoint_id: v.string(), url: v.string(), reason: v.picklist(['gone', 'failing']) }),
)
const testEvent = eventOf([TEST_EVENT_TYPE], v.object({ endpoint_id: v.string() }))

/** The body of a webhook, by its `type`. */
export const webhookPayload = v.variant('type', [
  eventOf(typesOf('payment'), v.object({ ...data, ...said })),
  eventOf(typesOf('refund'), v.object({ refund_id: v.string(), ...data })),
  eventOf(typesOf('capture'), v.object({ capture_id: v.string(), ...data })),
  eventOf(typesOf('void'), v.object({ void_id: v.string(), ...data })),
  eventOf(
    typesOf('dispute'),
    v.object({
      ...data,
      dispute_id: described(v.string(), 'The id of the gateway'),
      dispute_status: described(v.string(), `One of ${DISPUTE_STATUSES.join(', ')}`),
      disputed_amount: v.number(),
      disputed_currency: currency,
      reason: v.optional(v.string()),
      respond_by: v.optional(v.string()),
    }),
  ),
  disabledEvent,
  testEvent,
]) satisfies v.GenericSchema<WebhookPayload>
