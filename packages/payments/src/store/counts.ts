import type { WaitingReason } from '../domain/payment.ts'
import type { Database } from './database.ts'
import { statement } from './statements.ts'

/** How many payments are in each status, and how many wait for an operator. */
export type PaymentCounts = Awaited<ReturnType<typeof countPayments>>

/** How far counting goes. */
const DEFAULT_LIMITS = {
  /** A table of fewer rows than this is counted whole. */
  table: 10_000,
  /** Unfinished payments that are looked at in each state, those first that are due first. */
  working: 100_000,
}

interface Working {
  readonly pending: number
  readonly queued: number
  readonly processing: number
  readonly review: number
  readonly unknown: number
  readonly oldestMs: number
  readonly oldestPendingMs: number
  readonly waiting: Partial<
    Record<WaitingReason, { readonly count: number; readonly oldest_ms: number }>
  > | null
}
const countWorking = statement<Working>('count_working')
const countUrgent = statement<{ readonly expiring: number; readonly openBreaks: number }>('count_urgent')

/** An authorization that ends within this time is about to expire, in milliseconds. */
const EXPIRING_MS = 86_400_000

/**
 * Counts at a cost that does not grow with the history: the working states have an index each, and what ended is read
 * from the planner's statistics once the table is large.
 */
export async function countPayments(sql: Database, limits = DEFAULT_LIMITS) {
  const most = limits.working
  const [working] = await countWorking(sql, { limit: most })
  if (working === undefined) throw new RangeError('count_working.sql returned no row')
  const { pending, queued, review, unknown } = working
  const [urgent] = await countUrgent(sql, { limit: most, withinMs: EXPIRING_MS })
  const waiting = byReason((reason) => working.waiting?.[reason]?.count ?? 0)
  // What is parked or waits is PROCESSING too.
  const processing = working.processing + review + sumOf(waiting)
  const { success, failed, isExact } = await countEnded(sql, limits.table, pending + queued + processing)
  return {
    byStatus: { PENDING: pending, QUEUED: queued, PROCESSING: processing, SUCCESS: success, FAILED: failed },
    needsReview: review,
    /** PROCESSING with an unknown outcome. */
    unknown,
    /** What payments wait for without a job. */
    waiting,
    /** Ages of the oldest of them, in milliseconds; 0 when there is none. */
    oldestWaitingMs: byReason((reason) => Math.max(0, working.waiting?.[reason]?.oldest_ms ?? 0)),
    /** Authorizations that expire within a day. */
    expiringAuthorizations: urgent?.expiring ?? 0,
    /** Contradictions with a gateway that are not resolved. */
    openBreaks: urgent?.openBreaks ?? 0,
    /** Age of the oldest payment that is not final, not parked and not waiting, in milliseconds; 0 when there is none. */
    oldestUnfinishedMs: Math.max(0, working.oldestMs),
    oldestPendingMs: Math.max(0, working.oldestPendingMs),
    /** False in a large table: then SUCCESS and FAILED are the planner's estimates. */
    isExact,
    /** Whether a working state has reached its limit, so that its number is only the least. */
    isAtLeast: [pending, queued, working.processing, review, sumOf(waiting)].some((count) => count >= most),
  }
}

const countAccount = statement<{
  readonly seen: number
  readonly pending: number
  readonly queued: number
  readonly processing: number
  readonly success: number
  readonly failed: number
  readonly review: number
}>('count_account')

/** Counts the newest payments of an account; at most so many are examined. */
export async function countPaymentsOf(sql: Database, account: string, most: number) {
  const [row] = await countAccount(sql, { account, limit: most })
  if (row === undefined) throw new RangeError('count_account.sql returned no row')
  const { seen, pending, queued, processing, success, failed, review } = row
  return {
    byStatus: { PENDING: pending, QUEUED: queued, PROCESSING: processing, SUCCESS: success, FAILED: failed },
    needsReview: review,
    /** Whether there are more, so that each number is only the least. */
    isAtLeast: seen >= most,
  }
}

function byReason(read: (reason: WaitingReason) => number): Record<WaitingReason, number> {
  return { capture: read('capture'), customer: read('customer'), gateway: read('gateway') }
}

function sumOf(counts: Readonly<Record<WaitingReason, number>>): number {
  return counts.capture + counts.customer + counts.gateway
}

const countNewest = statement<{ readonly seen: number; readonly success: number; readonly failed: number }>(
  'count_newest',
)
const estimateEnded = statement<{ readonly total: number; readonly share: number | null }>('estimate_ended')

async function countEnded(sql: Database, table: number, unfinished: number) {
  const [few] = await countNewest(sql, { limit: table })
  const { seen = 0, success = 0, failed = 0 } = few ?? {}
  if (seen < table) return { success, failed, isExact: true }
  const [planner] = await estimateEnded(sql, {})
  const total = Math.max(planner?.total ?? 0, seen)
  const failures = Math.max(failed, Math.round(total * (planner?.share ?? 0)))
  return { success: Math.max(success, total - unfinished - failures), failed: failures, isExact: false }
}
