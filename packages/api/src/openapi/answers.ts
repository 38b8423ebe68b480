/** What the payment routes answer, as valibot schemas. The types tie them to the functions that make the answers. */
import { PAYMENT_STATUSES } from '@titan/payments'
import * as v from 'valibot'
import type { AcceptedBody, EventBody, PaymentBody } from '../present.ts'
import { PROBLEMS, type ProblemCode } from '../problem.ts'

/** A moment as every answer writes it. */
export const instant: v.GenericSchema<string> = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.description('RFC 3339, in UTC'),
)
const paymentId = v.pipe(v.string(), v.regex(/^pay_[\w-]{1,64}$/))
const amount = v.pipe(
  v.number(),
  v.safeInteger(),
  v.minValue(1),
  v.description('Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD'),
)
const currency = v.pipe(v.string(), v.regex(/^[A-Z]{3}$/), v.description('ISO 4217 code'))
const status = v.picklist(PAYMENT_STATUSES)

/** The answer to `POST /pay`. */
export const acceptedAnswer: v.GenericSchema<AcceptedBody> = v.object({
  payment_id: paymentId,
  amount,
  status: v.pipe(
    v.literal('PENDING'),
    v.description('Always, also for a repetition: the present status is at GET /payments/{payment_id}'),
  ),
  currency,
  created_at: instant,
})

const FAILURE_KINDS = [
  'hard_decline',
  'soft_decline',
  'not_sent',
  'canceled',
  'expired',
  'poison',
  'operator',
] as const

/** The answer to `GET /payments/{payment_id}`. */
export const paymentAnswer: v.GenericSchema<PaymentBody> = v.object({
  payment_id: paymentId,
  amount,
  status: v.pipe(status, v.description('SUCCESS and FAILED are final')),
  currency,
  status_detail: v.exactOptional(
    v.pipe(
      v.picklist(['AWAITING_CONFIRMATION', 'IN_REVIEW']),
      v.description('Why a payment that is PROCESSING takes longer'),
    ),
  ),
  late_charge_ref: v.exactOptional(
    v.pipe(
      v.string(),
      v.description('While in review: the charge that the gateway reported for an attempt it had declined'),
    ),
  ),
  attempts: v.pipe(v.number(), v.integer(), v.minValue(0), v.description('Attempts at the gateway so far')),
  failure: v.exactOptional(
    v.pipe(
      v.object({
        code: v.string(),
        kind: v.nullable(v.pipe(v.string(), v.description(`One of ${FAILURE_KINDS.join(', ')}`))),
      }),
      v.description('Why it failed, or why the latest attempt did'),
    ),
  ),
  created_at: instant,
  updated_at: instant,
})

/** One entry of a payment's history. */
export const eventAnswer: v.GenericSchema<EventBody> = v.object({
  event_id: v.pipe(v.string(), v.description('The same for ever, and in every webhook')),
  sequence: v.pipe(
    v.number(),
    v.integer(),
    v.minValue(1),
    v.description('From 1, without gaps within a payment'),
  ),
  type: v.pipe(
    v.string(),
    v.description('Such as payment.created, payment.queued, payment.succeeded; more may come'),
  ),
  from_status: v.nullable(status),
  to_status: status,
  at: instant,
})

/** A list that is complete. */
export function listOf<Item>(
  item: v.GenericSchema<Item>,
): v.GenericSchema<{ readonly data: readonly Item[] }> {
  return v.object({ data: v.pipe(v.array(item), v.readonly()) })
}

/** One page of a list. */
export interface PageBody<Item> {
  readonly data: readonly Item[]
  readonly has_more: boolean
  readonly next_cursor: string | null
}

/** One page of a list, with what leads to the next. */
export function pageOf<Item>(item: v.GenericSchema<Item>): v.GenericSchema<PageBody<Item>> {
  return v.object({
    data: v.pipe(v.array(item), v.readonly()),
    has_more: v.boolean(),
    next_cursor: v.pipe(
      v.nullable(v.string()),
      v.description('For the query parameter "cursor"; null at the end'),
    ),
  })
}

/** The answer to `POST /gateway-webhooks/{gateway}`. */
export const gatewayWebhookAnswer: v.GenericSchema<{ readonly received: true }> = v.object({
  received: v.literal(true),
})

/** The answer to `GET /healthz`. */
export const healthAnswer: v.GenericSchema<{ readonly status: 'ok' }> = v.object({ status: v.literal('ok') })

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const upOrDown = v.picklist(['up', 'down'])
/** The answer to `GET /readyz`. */
export const readinessAnswer: v.GenericSchema = v.object({
  status: v.picklist(['ready', 'draining', 'unavailable']),
  checks: v.object({ postgres: upOrDown, redis: upOrDown }),
  requests: v.pipe(
    v.object({ in_flight: count, limit: count }),
    v.description('Requests in flight and the limit: at the limit it is not ready'),
  ),
})

const CODES = Object.keys(PROBLEMS) as ProblemCode[]
/** Every answer with a 4xx or 5xx status (RFC 9457). */
export const problemAnswer: v.GenericSchema = v.object({
  type: v.pipe(v.string(), v.description('Where the problem is explained: /problems/{code}')),
  title: v.string(),
  status: v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599)),
  detail: v.exactOptional(v.pipe(v.string(), v.description('What happened this time'))),
  instance: v.exactOptional(v.pipe(v.string(), v.description('The path of the request'))),
  code: v.pipe(v.picklist(CODES), v.description('Stable, for programs; more may come')),
  request_id: v.pipe(v.string(), v.description('The same as the header X-Request-Id')),
  errors: v.exactOptional(
    v.pipe(
      v.array(
        v.union([
          v.object({ pointer: v.string(), detail: v.string() }),
          v.object({ parameter: v.string(), detail: v.string() }),
        ]),
      ),
      v.description('Each fault: a JSON pointer into the body or the name of a query parameter'),
    ),
  ),
})
