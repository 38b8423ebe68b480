import type { PaymentStore } from '@titan/payments'

/** A table of at most so many rows is counted; of a larger one only the working states are, each up to this number. */
const EXACT_UP_TO = 10_000

/** How many there are: exactly, at least so many, or about so many. */
export interface Count {
  readonly value: number
  readonly precision: 'exact' | 'at_least' | 'about'
}

/** The payments by status, read at a bounded cost. */
export type PaymentTotals = Awaited<ReturnType<typeof countTotals>>

/** Counts the newest payments of an account. */
export async function countTotalsOf(
  store: Pick<PaymentStore, 'countsOf'>,
  account: string,
): Promise<PaymentTotals> {
  const { byStatus, needsReview, isAtLeast } = await store.countsOf(account, EXACT_UP_TO)
  const count = (value: number): Count => ({ value, precision: isAtLeast ? 'at_least' : 'exact' })
  return {
    byStatus: {
      PENDING: count(byStatus.PENDING),
      QUEUED: count(byStatus.QUEUED),
      PROCESSING: count(byStatus.PROCESSING),
      SUCCESS: count(byStatus.SUCCESS),
      FAILED: count(byStatus.FAILED),
    },
    review: count(needsReview),
  }
}

/** Counts payments at a cost that is small enough to be asked every second. */
export async function countTotals(store: Pick<PaymentStore, 'counts'>) {
  const { byStatus, needsReview, isExact } = await store.counts({ table: EXACT_UP_TO, working: EXACT_UP_TO })
  const working = (value: number): Count => ({
    value,
    precision: value >= EXACT_UP_TO ? 'at_least' : 'exact',
  })
  const ended = (value: number): Count => ({ value, precision: isExact ? 'exact' : 'about' })
  return {
    byStatus: {
      PENDING: working(byStatus.PENDING),
      QUEUED: working(byStatus.QUEUED),
      PROCESSING: working(byStatus.PROCESSING),
      SUCCESS: ended(byStatus.SUCCESS),
      FAILED: ended(byStatus.FAILED),
    },
    review: working(needsReview),
  }
}
