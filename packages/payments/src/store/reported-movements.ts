import { decide } from '../domain/decision.ts'
import { PaymentsError } from '../domain/errors.ts'
import { sanitizeMessage, sanitizeText } from '../domain/evidence.ts'
import type { Movement } from '../domain/movement.ts'
import type { Payment } from '../domain/payment.ts'
import { DEFAULT_RETRY_POLICY } from '../domain/retry-policy.ts'
import { recordBreakLocked } from './breaks.ts'
import { claimMany, settleMany } from './claim.ts'
import type { Database, Queryable } from './database.ts'
import {
  createLocked,
  getMovement,
  prepare,
  type CreateMovementAnswer,
  type MovementRefusal,
} from './movements.ts'
import { withLockedPayment } from './review.ts'
import { statement } from './statements.ts'

/** A gateway's word that a refund failed which it had called successful. */
export interface RefundFailure {
  readonly refundId: string
  /** The gateway's id of the refund. */
  readonly gatewayRef: string
  /** Why, as the gateway says. */
  readonly code: string
  readonly actor: string
}

const recordFailure = statement<{ readonly isNew: boolean }>('record_refund_failure')

/**
 * Records that a refund failed after its success, once: a contradiction, an event, and what may be refunded again. The
 * refund keeps its status. `refused`: there is no such refund in SUCCESS.
 */
export async function recordRefundFailure(
  sql: Database,
  { refundId: id, gatewayRef, code, actor }: RefundFailure,
): Promise<'recorded' | 'known' | 'refused'> {
  const failure = { id, gatewayRef, code: sanitizeMessage(code), actor: sanitizeText(actor) }
  const [row] = await withLockedPayment(sql, id, (transaction) => recordFailure(transaction, failure))
  if (row === undefined) return 'refused'
  return row.isNew ? 'recorded' : 'known'
}

/** A capture, void or refund that was made at the gateway itself and has succeeded there. */
export interface ForeignMovement {
  readonly kind: Movement['kind']
  readonly paymentId: string
  readonly gateway: string
  /** The gateway's id of the refund; of the charge, for a capture or void that has none. */
  readonly gatewayRef: string
  /** The gateway's id of the charge, by which it can be refunded. @default gatewayRef */
  readonly chargeRef?: string | undefined
  readonly amount: number
  readonly currency: string
}

/**
 * `recorded`: it is a movement of the payment now. `known`: it was before, or it may be one of ours that is under way.
 * `contradiction`: the payment does not allow for it, which is on record. `refused`: it says nothing about this payment.
 */
export type ForeignEffect =
  | { readonly kind: 'recorded' | 'known'; readonly movement: Movement }
  | { readonly kind: 'contradiction' }
  | { readonly kind: 'refused'; readonly reason: MovementRefusal }

/** Covers the time between the claim and the settlement of one transaction, in milliseconds. */
const LEASE_MS = 60_000

/** Records a movement that was made at the gateway itself, as if it had been made here. Copies of a report have the effect of one. */
export async function recordForeignMovement(
  sql: Database,
  reported: ForeignMovement,
): Promise<ForeignEffect> {
  if (!/^[\x21-\x7e]{1,240}$/.test(reported.gatewayRef))
    throw new PaymentsError('INVALID_PAYMENT', 'gatewayRef must be 1 to 240 visible ASCII characters')
  return withLockedPayment(sql, reported.paymentId, (transaction) => recordLocked(transaction, reported))
}

const findSame = statement<Movement>('find_reported_movement')
const get = statement<Pick<Payment, 'currency' | 'gateway' | 'status'>>('get')

async function recordLocked(sql: Queryable, reported: ForeignMovement): Promise<ForeignEffect> {
  const { kind, paymentId, gateway, gatewayRef, chargeRef = gatewayRef, amount, currency } = reported
  const [payment] = await get(sql, { id: paymentId })
  if (payment?.gateway !== gateway) return { kind: 'refused', reason: 'not_found' }
  const [same] = await findSame(sql, { paymentId, kind, gatewayRef })
  if (same !== undefined) return { kind: 'known', movement: same }
  // No duty asks about the charge of a payment that is over.
  const isLate = kind === 'capture' && payment.status === 'FAILED'
  if (currency === payment.currency) {
    const answer = await createLocked(sql, requestOf(reported))
    if (answer.kind === 'created') {
      await succeed(sql, answer.movement, reported)
      return { kind: 'recorded', movement: (await getMovement(sql, answer.movement.id)) ?? answer.movement }
    }
    if (!isLate && isSilent(answer, kind)) return answer
  }
  const detail = { movement: kind, amount, currency: sanitizeText(currency) }
  const contradiction = isLate
    ? ({ kind: 'late_charge', reference: chargeRef } as const)
    : ({ kind: 'missing_here', reference: gatewayRef } as const)
  await recordBreakLocked(sql, { ...contradiction, paymentId, gateway, detail })
  return { kind: 'contradiction' }
}

function requestOf({ kind, paymentId, gateway, gatewayRef, amount }: ForeignMovement) {
  return prepare({
    kind,
    paymentId,
    // A void is always whole.
    ...(kind !== 'void' && { amount }),
    idempotencyKey: `gateway:${gatewayRef}`,
    actor: `gateway:${gateway}`,
  })
}

type Refused = Extract<CreateMovementAnswer, { readonly kind: 'refused' }>

/** Whether no money moved that is not on record: what becomes of an authorization, the charge itself tells, too. */
function isSilent(answer: CreateMovementAnswer, kind: Movement['kind']): answer is Refused {
  if (answer.kind !== 'refused') return false
  return answer.reason === 'not_found' || (kind !== 'refund' && answer.reason !== 'exceeds')
}

/** Takes a new movement to its end by the statements that workers use, so its history says what theirs does. */
async function succeed(sql: Queryable, { id }: Movement, reported: ForeignMovement): Promise<void> {
  const { gateway, gatewayRef, currency } = reported
  const actor = `gateway:${gateway}`
  const [answer] = await claimMany(sql, [id], { owner: actor, leaseMs: LEASE_MS, gateway })
  if (answer?.kind !== 'claimed') throw new RangeError(`a new movement cannot be claimed: ${id}`)
  const { claim } = answer
  const outcome = { type: 'SUCCEEDED', gatewayRef, amount: claim.amount, currency } as const
  const settlement = decide(claim, outcome, { policy: DEFAULT_RETRY_POLICY, actor, random: Math.random })
  const [isWritten] = await settleMany(sql, [settlement])
  if (isWritten !== true) throw new RangeError(`a new movement cannot be settled: ${id}`)
}
