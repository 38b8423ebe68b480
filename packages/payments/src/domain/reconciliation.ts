import type { MoneyRecord } from '../gateways/records.ts'
import { gatewayNameOf, readPlace } from './accounts/place.ts'
import type { BreakKind, PaymentStatus, WaitingReason } from './payment.ts'

/** What is on record here of an attempt that a gateway lists. */
export interface OurRecord {
  /** The payment, capture, void or refund. */
  readonly id: string
  readonly attemptNo: number
  readonly status: PaymentStatus
  readonly amount: number
  readonly currency: string
  /** What was captured of an authorization; null where the whole amount was charged at once. */
  readonly amountCaptured: number | null
  readonly gatewayRef: string | null
  readonly currentAttempt: number
  readonly attemptOpen: boolean
  readonly needsReview: boolean
  readonly waitsFor: WaitingReason | null
  readonly parentId: string | null
  readonly account: string
  readonly updatedAt: Date
  /** Where the attempt was sent; null when this attempt is not on record. */
  readonly attemptGateway: string | null
}

/**
 * What a comparison does about a record under a key of ours. `agrees`: both say the same, or no money is at stake. `open`: it
 * is under way here, and workers find out. `look_up`: it is parked, and the gateway has the answer. `report`: the gateway's
 * word is news, as a webhook's is. `adopt`: the gateway captured by itself. `differs`: a break.
 */
export type Verdict =
  | { readonly type: 'agrees' | 'open' | 'look_up' | 'report' | 'adopt' }
  | { readonly type: 'differs'; readonly kind: BreakKind }

const AGREES: Verdict = { type: 'agrees' }
const REPORT: Verdict = { type: 'report' }

/** Compares what a gateway has on record under a key of ours with what we have. */
export function judgeRecord(record: MoneyRecord, ours: OurRecord | undefined, gateway: string): Verdict {
  const isMoney = record.status === 'succeeded' || record.status === 'authorized'
  if (ours === undefined) return isMoney ? differs('missing_here') : AGREES
  // An account writes into its list at the gateway what it likes: it says nothing about what is of others.
  const place = readPlace(gateway)
  if (place !== undefined && place.account !== ours.account) return AGREES
  if (ours.attemptGateway !== null && ours.attemptGateway !== gateway) {
    // Accounts may share one account at the gateway: the comparison with the attempt's own place judges it.
    if (gatewayNameOf(ours.attemptGateway) === gatewayNameOf(gateway)) return AGREES
    // An attempt belongs to one gateway: this one was never sent there.
    if (record.status !== 'succeeded') return AGREES
    return differs(ours.status === 'SUCCESS' ? 'duplicate_charge' : 'late_charge')
  }
  return record.status === 'succeeded' ? judgeMoved(record, ours) : judgeUnmoved(record, ours)
}

/** Money moved at the gateway. */
function judgeMoved(record: MoneyRecord, ours: OurRecord): Verdict {
  if (ours.status === 'SUCCESS') return judgeSuccess(record, ours)
  return ours.status === 'FAILED' ? REPORT : judgeUnfinished(record, ours)
}

function differs(kind: BreakKind): Verdict {
  return { type: 'differs', kind }
}

/** Whether it is what the payment or movement succeeded with. Captures and voids may have the id of their charge. */
function isOwn({ kind, gatewayRef }: MoneyRecord, ours: OurRecord): boolean {
  return kind === 'capture' || kind === 'void' || ours.gatewayRef === gatewayRef
}

function judgeSuccess(record: MoneyRecord, ours: OurRecord): Verdict {
  if (!isOwn(record, ours)) return REPORT
  if (record.currency !== ours.currency) return differs('currency_mismatch')
  return record.amount === (ours.amountCaptured ?? ours.amount) ? AGREES : differs('amount_mismatch')
}

/** The gateway says that no money moved, or not yet. */
function judgeUnmoved(record: MoneyRecord, ours: OurRecord): Verdict {
  if (ours.status === 'FAILED') return record.status === 'authorized' ? differs('status_mismatch') : AGREES
  if (ours.status !== 'SUCCESS') return { type: 'open' }
  // Another attempt than the one that succeeded.
  if (!isOwn(record, ours)) return AGREES
  const hasFailed = record.status === 'failed' || record.status === 'canceled'
  return record.kind === 'refund' && hasFailed ? REPORT : differs('status_mismatch')
}

function judgeUnfinished({ kind }: MoneyRecord, ours: OurRecord): Verdict {
  // A closed attempt was charged after all: nothing else would find out.
  if (!ours.attemptOpen || ours.currentAttempt !== ours.attemptNo) return REPORT
  if (kind === 'charge' && ours.waitsFor === 'capture') return { type: 'adopt' }
  return { type: ours.needsReview ? 'look_up' : 'open' }
}

/** A difference between a gateway's books and ours. */
export interface FoundDifference {
  readonly kind: BreakKind
  /** The payment or movement; null when there is none here. */
  readonly paymentId: string | null
  /** The gateway's id of the record. */
  readonly reference: string
  /** Whether this comparison recorded it. */
  readonly isNew: boolean
}

/** What a comparison found. */
export interface ComparisonReport {
  readonly gateway: string
  readonly since: Date
  readonly until: Date
  /** Records of the gateway in that span. */
  readonly records: number
  /** Of those: ours, and those of the account's other business. */
  readonly compared: number
  readonly foreign: number
  /** Records of what is under way here: workers find out. */
  readonly open: number
  /** Our successes in that span, which the gateway must have. */
  readonly moved: number
  /** What was taken over as a webhook's word is. */
  readonly reported: number
  /** What could not be compared, because the gateway was not asked or did not answer. */
  readonly unchecked: number
  /** Differences of earlier comparisons that are none any more. */
  readonly closed: number
  /** Differences that are open, new ones and known ones, and the number of those that are new. */
  readonly differences: number
  readonly recorded: number
  /** The first of them. */
  readonly found: readonly FoundDifference[]
}
