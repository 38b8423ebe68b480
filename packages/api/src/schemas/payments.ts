import {
  DISPUTE_STATUSES,
  FAILURE_KINDS,
  gatewayNameOf,
  PAYMENT_STATUSES,
  type Dispute,
  type Payment,
  type PaymentEvent,
} from '@titan/payments'
import * as v from 'valibot'
import { count, described, instant, listOf, pageOf } from './parts.ts'
import { presentSaid, SAID_MEMBERS } from './said.ts'

/** The id of a payment. */
export const paymentId = v.pipe(v.string(), v.regex(/^pay_[\w-]{1,64}$/))
/** An amount of money. */
export const amount = v.pipe(
  v.number(),
  v.safeInteger(),
  v.minValue(1),
  v.description('Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD'),
)
/** A currency. */
export const currency = v.pipe(v.string(), v.regex(/^[A-Z]{3}$/), v.description('ISO 4217 code'))
const status = v.picklist(PAYMENT_STATUSES)

const statusDetail = v.picklist([
  'AWAITING_CONFIRMATION',
  'IN_REVIEW',
  'AWAITING_CAPTURE',
  'AWAITING_CUSTOMER',
])
const lateCharge = 'While in review: the charge that the gateway reported for an attempt it had declined'
/** Why something failed. */
export const failure = v.object({
  code: v.string(),
  kind: v.nullable(described(v.string(), `One of ${FAILURE_KINDS.join(', ')}`)),
})

/** A payment that was stored. */
export const acceptedPayment = v.object({
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
  dispute_status: v.optional(
    described(
      v.picklist(DISPUTE_STATUSES),
      'Of the worst dispute about its charge, an open one first. The status of the payment stays',
    ),
  ),
  attempts: described(count, 'Attempts at the gateway so far'),
  gateway: described(v.nullable(v.string()), 'Of the latest attempt; null before the first'),
  failure: v.optional(described(failure, 'Why it failed, or why the latest attempt did')),
  ...SAID_MEMBERS,
  created_at: instant,
  updated_at: instant,
  amount_captured: v.optional(described(count, 'Once SUCCESS: what was charged, in minor units')),
  amount_refunded: v.optional(
    described(count, 'Once SUCCESS: the sum of refunds that succeeded, in minor units'),
  ),
  authorization: v.optional(
    described(
      v.object({
        status: v.picklist(['authorized', 'captured', 'voided', 'expired']),
        expires_at: described(v.nullable(instant), 'While authorized: capture it before this time'),
      }),
      'Of a payment with manual capture, once the gateway has authorized it',
    ),
  ),
  next_action: v.optional(
    described(
      v.object({
        type: v.picklist(['redirect', 'sdk']),
        url: v.optional(described(v.string(), 'Send the customer there')),
        client_secret: v.optional(
          described(v.string(), 'For the browser library of the gateway; only for keys with the scope write'),
        ),
        expires_at: v.nullable(instant),
      }),
      'While AWAITING_CUSTOMER: what the customer has to do',
    ),
  ),
})

const dispute = v.object({
  dispute_id: described(v.string(), 'The id of the gateway'),
  amount: described(count, 'What is disputed, in minor units'),
  currency,
  status: v.picklist(DISPUTE_STATUSES),
  reason: v.nullable(described(v.string(), 'In the words of the gateway')),
  respond_by: v.nullable(described(instant, 'Answer at the gateway before this time')),
  opened_at: instant,
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
  Dispute: dispute,
  DisputeList: listOf(dispute),
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

/** Presents a payment in its current state; `mayWrite`: the caller may finish it for the customer. */
export function presentPayment(given: Payment, mayWrite: boolean) {
  const detail = detailOf(given)
  return {
    payment_id: given.id,
    amount: given.amount,
    status: given.status,
    currency: given.currency,
    status_detail: detail,
    late_charge_ref: detail === 'IN_REVIEW' ? (given.lateChargeRef ?? undefined) : undefined,
    dispute_status: given.disputeStatus ?? undefined,
    attempts: given.attemptNo,
    gateway: given.gateway && gatewayNameOf(given.gateway),
    failure: presentFailure(given),
    ...presentSaid(given),
    created_at: given.createdAt.toISOString(),
    updated_at: given.updatedAt.toISOString(),
    amount_captured: given.status === 'SUCCESS' ? given.amountCaptured : undefined,
    amount_refunded: given.status === 'SUCCESS' ? given.amountRefunded : undefined,
    authorization: authorizationOf(given),
    next_action: nextActionOf(given, mayWrite),
  } satisfies v.InferOutput<typeof payment>
}

function authorizationOf({ capture, status, waitsFor, waitsUntil, failureCode }: Payment) {
  if (capture !== 'manual') return undefined
  if (status === 'SUCCESS') return { status: 'captured', expires_at: null } as const
  if (waitsFor === 'capture')
    return { status: 'authorized', expires_at: waitsUntil && waitsUntil.toISOString() } as const
  if (status !== 'FAILED') return undefined
  if (failureCode === 'voided') return { status: 'voided', expires_at: null } as const
  return failureCode === 'authorization_expired'
    ? ({ status: 'expired', expires_at: null } as const)
    : undefined
}

function nextActionOf({ waitsFor, waitsUntil, details }: Payment, mayWrite: boolean) {
  const action = details?.nextAction
  if (waitsFor !== 'customer' || !action) return undefined
  const expires_at = waitsUntil && waitsUntil.toISOString()
  if (action.type === 'redirect') return { type: action.type, url: action.url, expires_at }
  return { type: action.type, client_secret: mayWrite ? action.clientSecret : undefined, expires_at }
}

/** Presents why it failed, or why the latest attempt did; undefined when nothing failed. */
export function presentFailure({
  failureCode: code,
  failureKind: kind,
}: Pick<Payment, 'failureCode' | 'failureKind'>) {
  return code === null ? undefined : { code, kind }
}

function detailOf(given: Payment): v.InferOutput<typeof statusDetail> | undefined {
  if (given.status !== 'PROCESSING') return undefined
  if (given.needsReview) return 'IN_REVIEW'
  if (given.waitsFor === 'capture') return 'AWAITING_CAPTURE'
  if (given.waitsFor === 'customer') return 'AWAITING_CUSTOMER'
  return given.unknownSince === null ? undefined : 'AWAITING_CONFIRMATION'
}

/** Presents a dispute. */
export function presentDispute(given: Dispute) {
  return {
    dispute_id: given.id,
    amount: given.amount,
    currency: given.currency,
    status: given.status,
    reason: given.reason,
    respond_by: given.respondBy && given.respondBy.toISOString(),
    opened_at: given.openedAt.toISOString(),
    updated_at: given.updatedAt.toISOString(),
  } satisfies v.InferOutput<typeof dispute>
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
