import type { CheckContext } from './invariant.ts'
import type { Query } from './snapshot.ts'

/** How far the clocks of the gateway and of the database may be apart before an order of events is believed. */
export const CLOCK_TOLERANCE_MS = 1_000

/** How old a fact of the ledger must be before its payment must be in the snapshot, while payments go on. */
const FRESH_MS = 5_000

/** Condition on a payment `p`: no contradiction is recorded that waits for its resolution; those are listed apart. */
export function withoutOpenBreak({ snapshot }: CheckContext): Query {
  return snapshot`not exists (
    select from reconciliation_breaks b where b.payment_id = p.id and b.resolved_at is null)`
}

/** Condition on a fact of the ledger, here `fact`: it is from before the snapshot. */
export function isInTime({ snapshot, settled }: CheckContext): Query {
  return settled ? snapshot`true` : snapshot`fact.at < now() - ${FRESH_MS}::float8 * interval '1 millisecond'`
}

/** Condition on a payment `p`: its money moved at the gateway whose ledger was given. */
export function isOfLedger({ snapshot, gateway }: CheckContext): Query {
  return gateway === null ? snapshot`true` : snapshot`p.gateway = ${gateway}::text`
}
