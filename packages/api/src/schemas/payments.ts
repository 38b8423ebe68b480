import { FAILURE_KINDS, PAYMENT_STATUSES, type Payment, type PaymentEvent } from '@titan/payments'
import * as v from 'valibot'
import { count, described, instant, listOf, pageOf } from './parts.ts'
import { presentSaid, SAID_MEMBERS } from './said.ts'

const paymentId = v.pipe(v.string(), v.regex(/^pay_[\w-]{1,64}$/))
const amount = v.pipe(
  v.number(),
  v.safeInteger(),
  v.minValue(1),
  v.description('Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD'),
)
const currency = v.pipe(v.string(), v.regex(/^[A-Z]{3}$/), v.description('ISO 4217 code'))
const status = v.picklist(PAYMENT_STATUSES)

const statusDetail = v.picklist(['AWAITING_CONFIRMATION', 'IN_REVIEW'])
const lateCharge = 'While in review: the charge that the gateway reported for an attempt it had declined'
const failure = v.object({
  code: v.string(),
  kind: v.nullable(described(v.string(), `One of ${FAILURE_KINDS.join(', ')}`)),
})

const acceptedPayment = v.object({
  payment_id: paymentId,
  amount,
  status: described(
    v.literal('PENDING'),
    'Always, also for a replay: the current status is at GET /payments/{payment_id}',
  ),
  currency,
  created_at: instant,
})

const payment = v.object({
  payment_id: paymentId,
  amount,
  status: described(status, 'SUCCESS and FAILED are final'),
  currency,
  status_detail: v.optional(described(statusDetail, 'Why a payment that is PROCESSING takes longer')),
  late_charge_ref: v.optional(described(v.string(), lateCharge)),
  attempts: described(count, 'Attempts at the gateway so far'),
  failure: v.optional(described(failure, 'Why it failed, or why the latest attempt did')),
  ...SAID_MEMBERS,
  created_at: instant,
  updated_at: instant,
})

const paymentEvent = v.object({
  event_id: described(v.string(), 'Permanent, and the same in every webhook'),
  sequence: v.pipe(
    v.number(),
    v.integer(),
    v.minValue(1),
    v.description('From 1, without gaps within a payment'),
  ),
  type: described(
    v.string(),
    'Such as payment.created, payment.queued, payment.succeeded; more may be added',
  ),
  from_status: v.nullable(status),
  to_status: status,
  at: instant,
})

/** The response bodies of payments, by their names in the document. */
export const PAYMENT_SCHEMAS = {
  AcceptedPayment: acceptedPayment,
  Payment: payment,
  PaymentPage: pageOf(payment),
  PaymentEvent: paymentEvent,
  PaymentEventList: listOf(paymentEvent),
}

/**
 * Presents a payment as `POST /pay` does: as a function of what never changes, so that a replay gets the same bytes as the
 * first response.
 */
export function presentAccepted({ id, amount, currency, createdAt }: Payment) {
  return {
    payment_id: id,
    amount,
    status: 'PENDING',
    currency,
    created_at: createdAt.toISOString(),
  } satisfies v.InferOutput<typeof acceptedPayment>
}

/** Presents a payment in its current state. */
export function presentPayment(given: Payment) {
  const { failureCode: code, failureKind: kind } = given
  const detail = detailOf(given)
  return {
    payment_id: given.id,
    amount: given.amount,
    status: given.status,
    currency: given.currency,
    status_detail: detail,
    late_charge_ref: detail === 'IN_REVIEW' ? (given.lateChargeRef ?? undefined) : undefined,
    attempts: given.attemptNo,
    failure: code === null ? undefined : { code, kind },
    ...presentSaid(given),
    created_at: given.createdAt.toISOString(),
    updated_at: given.updatedAt.toISOString(),
  } satisfies v.InferOutput<typeof payment>
}

function detailOf(given: Payment): v.InferOutput<typeof statusDetail> | undefined {
  if (given.status !== 'PROCESSING') return undefined
  if (given.needsReview) return 'IN_REVIEW'
  return given.unknownSince === null ? undefined : 'AWAITING_CONFIRMATION'
}

/** Presents an entry of a payment's history, without actor and evidence. */
export function presentEvent(event: PaymentEvent) {
  return {
    event_id: event.eventId,
    sequence: event.seq,
    type: event.type,
    from_status: event.fromStatus,
    to_status: event.toStatus,
    at: event.at.toISOString(),
  } satisfies v.InferOutput<typeof paymentEvent>
}
