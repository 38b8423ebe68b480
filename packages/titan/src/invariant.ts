import type { Database, PaymentJobs } from '@titan/payments'
import type { Queue } from '@titan/queue-core'
import type { Breaches } from './finding.ts'
import type { JobIndex } from './job-index.ts'
import type { Snapshot } from './snapshot.ts'

/** The payments' queue as it is in Redis. */
export interface QueueView {
  readonly queue: Pick<Queue<PaymentJobs>, 'stats'>
  readonly jobs: JobIndex
}

/** What the checks look at. */
export interface CheckContext {
  /** Every statement of a run sees the same moment. */
  readonly snapshot: Snapshot
  /** Sees the present: Redis has no moments, so what looks wrong there is looked at again. */
  readonly sql: Database
  readonly view: QueueView | undefined
  readonly hasLedger: boolean
  /** The gateway that the ledger belongs to; null for every payment. */
  readonly gateway: string | null
  /** Nothing is under way any more, so nothing is excused. */
  readonly settled: boolean
  readonly maxRetries: number
  readonly keyTtlMs: number
  readonly dueGraceMs: number
}

/** What a check cannot do without. */
export type Need = 'ledger' | 'redis' | 'settled'

/** One rule, and how to see that it was broken. */
export interface Invariant {
  readonly id: string
  readonly title: string
  /** Without it, breaches that show anyway count, but their absence proves nothing. @default none */
  readonly needs?: Need
  /** The ledger shows more of it; what our own books show is a verdict too. @default false */
  readonly usesLedger?: boolean
  /** Reads only; the answer is bounded. */
  readonly check: (context: CheckContext) => Promise<Breaches>
}

/** A rule that leaves no trace in the data. */
export interface UnseenInvariant {
  readonly id: string
  readonly title: string
  /** Why, and where it is tested. */
  readonly unseen: string
}
