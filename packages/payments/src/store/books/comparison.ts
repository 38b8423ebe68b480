import type { BreakKind } from '../../domain/payment.ts'
import type { OurRecord } from '../../domain/reconciliation.ts'
import type { Database } from '../database.ts'
import { withLockedPayment } from '../review.ts'
import { statement } from '../statements.ts'

/** An attempt, as a gateway's key names it. */
export interface NamedAttempt {
  readonly id: string
  readonly attemptNo: number
}

type RecordedRow = { readonly [Field in keyof OurRecord]: OurRecord[Field] | null } & NamedAttempt

const findRows = statement<RecordedRow>('find_recorded')

/** Reads what is on record here of attempts, in their order; undefined where there is no such payment or movement. */
export async function findRecorded(
  sql: Database,
  attempts: readonly NamedAttempt[],
): Promise<(OurRecord | undefined)[]> {
  if (attempts.length === 0) return []
  const ids = attempts.map(({ id }) => id)
  const rows = await findRows(sql, { ids, attemptNos: attempts.map(({ attemptNo }) => attemptNo) })
  return rows.map((row) => (row.status === null ? undefined : (row as OurRecord)))
}

const findByCharges = statement<{ readonly id: string; readonly gatewayRef: string }>('find_charged')

/** Finds the payments that succeeded with charges of a gateway, by the gateway's ids. */
export async function findCharged(
  sql: Database,
  gateway: string,
  gatewayRefs: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (gatewayRefs.length === 0) return new Map()
  const rows = await findByCharges(sql, { gateway, gatewayRefs })
  return new Map(rows.map(({ id, gatewayRef }) => [gatewayRef, id]))
}

/** A charge or refund that succeeded here. */
export interface Moved {
  readonly id: string
  readonly attemptNo: number
  readonly amount: number
  readonly currency: string
  readonly amountCaptured: number | null
  readonly gatewayRef: string
  readonly firstSentAt: Date | null
}

const findMovedRows = statement<Moved>('find_moved')

/** Finds charges and refunds of a gateway that succeeded in a span of time, page by page. */
export function findMoved(
  sql: Database,
  page: { gateway: string; since: Date; until: Date; after: string; limit: number },
): Promise<Moved[]> {
  return findMovedRows(sql, page)
}

/** What a comparison with a gateway's own list found. */
export interface Difference {
  readonly kind: BreakKind
  /** The payment or movement; null when there is none here. */
  readonly paymentId: string | null
  readonly gateway: string
  /** The gateway's id of the record. */
  readonly reference: string
  readonly detail: DifferenceDetail
}

/** What both sides say. Amounts are in minor units. */
export interface DifferenceDetail {
  readonly found_by: 'reconciliation'
  readonly record: string
  readonly gateway_key: string | null
  readonly status?: string | undefined
  readonly amount?: number | undefined
  readonly currency?: string | undefined
  readonly our_status?: string | undefined
  readonly our_amount?: number | undefined
}

const record = statement<{ readonly isOpen: boolean; readonly isNew: boolean }>('record_difference')

/** Records a difference once. `settled`: an operator had resolved it, and it stays so. */
export async function recordDifference(
  sql: Database,
  { detail, paymentId, ...facts }: Difference,
): Promise<'new' | 'known' | 'settled'> {
  const given = { ...facts, paymentId, detail: JSON.stringify(detail) }
  const [row] =
    paymentId === null
      ? await record(sql, given)
      : await withLockedPayment(sql, paymentId, (transaction) => record(transaction, given))
  if (row?.isNew === true) return 'new'
  return row?.isOpen === true ? 'known' : 'settled'
}

const listOpen = statement<Difference>('list_differences')

/** Reads the open differences of a gateway that comparisons found, oldest first. */
export function listDifferences(sql: Database, gateway: string, limit: number): Promise<Difference[]> {
  return listOpen(sql, { gateway, limit })
}

const close = statement('close_difference')

/** Closes what a comparison had found; resolves with how many differences that were. */
export async function closeDifference(
  sql: Database,
  closed: { readonly gateway: string; readonly reference: string; readonly paymentId: string | null },
  resolution: string,
): Promise<number> {
  const { gateway, reference, paymentId } = closed
  const given = { gateway, reference, resolution }
  const rows =
    paymentId === null
      ? await close(sql, given)
      : await withLockedPayment(sql, paymentId, (transaction) => close(transaction, given))
  return rows.length
}
