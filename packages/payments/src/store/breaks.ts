import { sanitizeText } from '../domain/evidence.ts'
import type { BreakKind } from '../domain/payment.ts'
import type { Database, Queryable } from './database.ts'
import { operatorOf, withLockedPayment } from './review.ts'
import { statement } from './statements.ts'

/** A fact at a gateway that contradicts the payments table. */
export interface Break {
  readonly kind: BreakKind
  readonly paymentId: string
  readonly gateway: string
  /** The gateway's id of the charge, or our key where it gave none. */
  readonly reference: string
  readonly detail: Readonly<Record<string, string | number | null>>
}

const record = statement('record_break')

/** Records a charge that contradicts its payment, once for each charge. */
export async function recordBreak(sql: Database, found: Break): Promise<void> {
  await withLockedPayment(sql, found.paymentId, (transaction) => recordBreakLocked(transaction, found))
}

/** Records it in a transaction that holds the lock of the payment. */
export async function recordBreakLocked(sql: Queryable, { detail, ...facts }: Break): Promise<void> {
  await record(sql, { ...facts, detail: JSON.stringify(detail) })
}

/** A charge that an operator refunded at the gateway, or a capture, void or refund that was undone there. */
export interface Refund {
  /** The gateway's id of the charge or movement, as its contradiction names it. */
  readonly gatewayRef: string
  /** The gateway's id of the refund: the evidence that the money was returned. */
  readonly refundRef: string
  readonly operator: string
  /** Where the evidence is; never deleted. */
  readonly note: string
}

/**
 * `failed`: the contradiction is closed, and the parked payment FAILED with it. `closed`: the contradiction is closed, the
 * payment stays as it is. `refused`: there is no such open contradiction, a refund of it is in progress here, a worker holds
 * the payment, or a reference is missing.
 */
export type RefundEffect = 'failed' | 'closed' | 'refused'

/**
 * Records the refund of a charge, or that a movement which contradicts its row was undone. A payment or movement that is
 * over keeps its status. A parked one becomes FAILED, unless another charge of it is open or its open attempt may still turn
 * out to be charged: look that one up first, then decide.
 */
export async function recordRefund(sql: Database, id: string, given: Refund): Promise<RefundEffect> {
  const { gatewayRef } = given
  const refundRef = sanitizeText(given.refundRef)
  const note = sanitizeText(given.note)
  if (refundRef === '' || note === '' || gatewayRef === '') return 'refused'
  const refunded = { id, gatewayRef, refundRef, note, actor: operatorOf(given.operator) }
  return withLockedPayment(sql, id, (transaction) => refundOnce(transaction, refunded))
}

const findRefund = statement<{ readonly isFailed: boolean }>('find_refund')
const refund = statement<{ readonly closed: number; readonly moved: number }>('refund')

/** The same refund may be repeated after a lost response: its effect is then that of the first one. */
async function refundOnce(sql: Queryable, refunded: Record<string, string>): Promise<RefundEffect> {
  const [before] = await findRefund(sql, refunded)
  if (before !== undefined) return before.isFailed ? 'failed' : 'closed'
  const [row] = await refund(sql, refunded)
  if (row === undefined || row.closed === 0) return 'refused'
  return row.moved === 0 ? 'closed' : 'failed'
}
