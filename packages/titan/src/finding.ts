/** The verdict on one invariant. */
export interface Finding {
  /** The number of the invariant, such as `I1`. */
  readonly id: string
  /** The invariant, one sentence. */
  readonly title: string
  readonly verdict: 'PASS' | 'FAIL' | 'SKIPPED'
  /** Why it was skipped, or what could not be compared; empty when there is nothing to say. */
  readonly reason: string
  /** Number of breaches. */
  readonly count: number
  /** The first of them, at most ten: ids of payments, or what else names a breach. */
  readonly offenders: readonly string[]
}

/** Most offenders that are named. */
export const SHOWN = 10

/** What an invariant's query found. */
export interface Breaches {
  readonly count: number
  readonly offenders: readonly string[]
}

/** Nothing is wrong. */
export const NONE: Breaches = { count: 0, offenders: [] }
