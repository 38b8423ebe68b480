import type { Database, PaymentJobs } from '@titan/payments'
import type { Queue } from '@titan/queue-core'
import type { Breach } from './finding.ts'
import type { JobIndex } from './job-index.ts'

/** The payments' queue as it is in Redis. */
export interface QueueView {
  readonly queue: Pick<Queue<PaymentJobs>, 'stats'>
  readonly jobs: JobIndex
}

/** What the checks that are no statement look at. */
export interface CheckContext {
  readonly sql: Database
  readonly view: QueueView | undefined
  /** Nothing is under way any more, so nothing is excused. */
  readonly settled: boolean
  /** How long a payment may be due without a job until it counts as lost, in milliseconds. */
  readonly dueGraceMs: number
}

/** What a verdict cannot do without. */
export type Need = 'ledger' | 'redis' | 'settled'

/** One rule. Its checks are the files of `sql/invariants/` with its number. */
export interface Invariant {
  /** Number and name, such as `I01_charged_at_most_once`. */
  readonly name: string
  readonly title: string
  /** What to do about a breach. */
  readonly advice: string
  /** Without it, breaches that show anyway count, but their absence proves nothing. @default none */
  readonly needs?: Need
  /** The ledger shows more of it; what our own books show is a verdict too. @default false */
  readonly usesLedger?: boolean
  /** Looks where no statement can: at Redis, or at the schema. Reads only; the answer is bounded. @default none */
  readonly look?: (context: CheckContext) => Promise<Breach[]>
}

/** A rule that leaves no trace in the data. */
export interface UnseenInvariant {
  readonly name: string
  readonly title: string
  /** Why, and where breaking it shows. */
  readonly unseen: string
}
