import { sanitizeMessage, sanitizeText } from '../../domain/evidence.ts'
import type { DisputeRecord, DisputeStatus } from '../../gateways/records.ts'
import type { Database } from '../database.ts'
import { withLockedPayment } from '../review.ts'
import { statement } from '../statements.ts'

/** A dispute about the charge of a payment. The status of the payment stays as it is. */
export interface Dispute {
  /** The gateway's id. */
  readonly id: string
  readonly gateway: string
  readonly chargeRef: string
  /** What is disputed, in minor units. */
  readonly amount: number
  readonly currency: string
  readonly status: DisputeStatus
  /** Why, in the gateway's words. */
  readonly reason: string | null
  /** Until when the merchant can answer. */
  readonly respondBy: Date | null
  readonly openedAt: Date
  readonly updatedAt: Date
}

/** What a gateway says about a dispute. */
export interface DisputeReport {
  readonly paymentId: string
  readonly gateway: string
  readonly dispute: DisputeRecord
  /** When the gateway said it, by its clock; absent for what its list shows now. */
  readonly saidAt?: Date | undefined
  readonly actor: string
}

const record = statement<{ readonly type: string }>('record_dispute')

/** Records what a gateway says about a dispute; resolves with whether it was news. Copies of a report have the effect of one. */
export async function recordDispute(sql: Database, report: DisputeReport): Promise<boolean> {
  const { paymentId, gateway, dispute, saidAt = null } = report
  const { gatewayRef, chargeRef, amount, currency, status, reason, respondBy = null, at } = dispute
  const given = {
    gateway,
    gatewayRef,
    paymentId,
    chargeRef,
    amount,
    status,
    respondBy,
    saidAt,
    currency: sanitizeText(currency),
    reason: reason === undefined ? null : sanitizeMessage(reason),
    openedAt: at,
    actor: sanitizeText(report.actor),
  }
  const rows = await withLockedPayment(sql, paymentId, (transaction) => record(transaction, given))
  return rows.length > 0
}

const list = statement<Dispute>('list_disputes')

/** Reads the disputes about a payment, oldest first. */
export function listDisputes(sql: Database, paymentId: string): Promise<Dispute[]> {
  return list(sql, { paymentId })
}
