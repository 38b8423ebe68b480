import type { PaymentStatus, PaymentStore } from '@titan/payments'

/** How many there are: exactly, at least so many, or about so many. */
export interface Count {
  readonly value: number
  readonly precision: 'exact' | 'at_least' | 'about'
}

/** The payments by status, read at a bounded cost. */
export interface PaymentTotals {
  readonly byStatus: Readonly<Record<PaymentStatus, Count>>
  readonly review: Count
}

/** A table of at most so many rows is counted; of a larger one only the working states are, each up to this number. */
const EXACT_UP_TO = 10_000

/** Counts payments at a cost that is small enough to be asked every second. */
export async function countTotals(store: Pick<PaymentStore, 'counts'>): Promise<PaymentTotals> {
  const { byStatus, needsReview, isExact } = await store.counts({ table: EXACT_UP_TO, working: EXACT_UP_TO })
  const ended = (status: PaymentStatus): Count => ({
    value: byStatus[status],
    precision: isExact ? 'exact' : 'about',
  })
  return {
    byStatus: {
      PENDING: bounded(byStatus.PENDING),
      QUEUED: bounded(byStatus.QUEUED),
      PROCESSING: bounded(byStatus.PROCESSING),
      SUCCESS: ended('SUCCESS'),
      FAILED: ended('FAILED'),
    },
    review: bounded(needsReview),
  }
}

function bounded(value: number): Count {
  return { value, precision: value >= EXACT_UP_TO ? 'at_least' : 'exact' }
}
