import type { Database } from '../database.ts'
import { statement } from '../statements.ts'

/** Whose comparison it is. */
export interface ComparisonOwner {
  readonly gateway: string
  /** `default`, or which later comparison it is. */
  readonly account: string
  /** The program that compares. */
  readonly owner: string
}

/** When a comparison is due, in milliseconds. */
export interface ComparisonTimes {
  readonly leaseMs: number
  readonly intervalMs: number
  /** What is younger is not judged. */
  readonly settleMs: number
}

const claim = statement<{ readonly since: Date; readonly until: Date }>('claim_comparison')

/** Claims the comparison with a gateway; undefined when it is not due, or another program is at it. */
export async function claimComparison(sql: Database, owner: ComparisonOwner, times: ComparisonTimes) {
  return (await claim(sql, { ...owner, ...times }))[0]
}

const advance = statement('advance_comparison')

/** Moves the mark on; false when the claim is lost. A lease of 0 releases it. */
export async function advanceComparison(
  sql: Database,
  owner: ComparisonOwner,
  { doneUntil, leaseMs }: { readonly doneUntil: Date | null; readonly leaseMs: number },
): Promise<boolean> {
  return (await advance(sql, { ...owner, doneUntil, leaseMs })).length > 0
}
