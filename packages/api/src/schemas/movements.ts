import { PAYMENT_STATUSES, type Movement } from '@titan/payments'
import * as v from 'valibot'
import { count, described, instant, listOf, pageOf } from './parts.ts'
import { amount, currency, failure, paymentId, presentFailure } from './payments.ts'

const status = described(
  v.picklist(PAYMENT_STATUSES),
  'SUCCESS: the gateway has done it. FAILED: it has not, and will not. Both are final',
)
const statusDetail = v.picklist(['AWAITING_CONFIRMATION', 'IN_REVIEW'])
const pending = described(v.literal('PENDING'), 'Always, also for a replay')

/** The members of a movement after its id. */
const members = {
  payment_id: described(paymentId, 'The payment that it is about'),
  amount,
  status,
  currency,
  status_detail: v.optional(described(statusDetail, 'Why one that is PROCESSING takes longer')),
  attempts: described(count, 'Attempts at the gateway so far'),
  failure: v.optional(described(failure, 'Why it failed, or why the latest attempt did')),
  created_at: instant,
  updated_at: instant,
}
const accepted = { payment_id: members.payment_id, amount, status: pending, currency, created_at: instant }
const idOf = (prefix: string) => v.pipe(v.string(), v.regex(new RegExp(`^${prefix}_[0-9a-f]{32}$`)))

const refund = v.object({
  refund_id: idOf('ref'),
  ...members,
  reason: v.optional(described(v.string(), 'As the request gave it')),
})

/** The response bodies of refunds, captures and voids, by their names in the document. */
export const MOVEMENT_SCHEMAS = {
  AcceptedRefund: v.object({ refund_id: idOf('ref'), ...accepted }),
  Refund: refund,
  RefundList: listOf(refund),
  RefundPage: pageOf(refund),
  AcceptedCapture: v.object({ capture_id: idOf('cap'), ...accepted }),
  Capture: v.object({ capture_id: idOf('cap'), ...members }),
  AcceptedVoid: v.object({ void_id: idOf('void'), ...accepted }),
  Void: v.object({ void_id: idOf('void'), ...members }),
}

/** Presents a movement as its first response does: as a function of what never changes. */
export function presentAcceptedMovement(given: Movement) {
  return {
    [`${given.kind}_id`]: given.id,
    payment_id: given.paymentId,
    amount: given.amount,
    status: 'PENDING',
    currency: given.currency,
    created_at: given.createdAt.toISOString(),
  }
}

/** Presents a movement in its current state. */
export function presentMovement(given: Movement) {
  return {
    [`${given.kind}_id`]: given.id,
    payment_id: given.paymentId,
    amount: given.amount,
    status: given.status,
    currency: given.currency,
    status_detail: detailOf(given),
    attempts: given.attemptNo,
    failure: presentFailure(given),
    created_at: given.createdAt.toISOString(),
    updated_at: given.updatedAt.toISOString(),
    reason: given.kind === 'refund' ? (given.reason ?? undefined) : undefined,
  }
}

function detailOf(given: Movement): v.InferOutput<typeof statusDetail> | undefined {
  if (given.status !== 'PROCESSING') return undefined
  if (given.needsReview) return 'IN_REVIEW'
  return given.unknownSince === null ? undefined : 'AWAITING_CONFIRMATION'
}
