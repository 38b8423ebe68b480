import type { Database } from '@titan/payments'
import type { Check, Parameter } from './check-files.ts'
import { mergeBreaches, type Breach } from './finding.ts'
import { runCheck, withSnapshot, type Snapshot } from './snapshot.ts'

/** What a run over our own books is given. */
export interface BooksOptions {
  readonly checks: readonly Check[]
  readonly values: Readonly<Record<string, Parameter>>
  /** Payments that one transaction reads. */
  readonly rangeSize: number
  /** Called after each range with the payments so far, and how many there are by the planner's estimate. */
  readonly onProgress: (done: number, total: number) => void
}

/** The breaches of each check, by its name. */
export type BreachesByCheck = ReadonlyMap<string, readonly Breach[]>

/**
 * Runs the checks on one range of payments after the other. Each range is a short transaction that sees one moment, and
 * whatever belongs to a payment is in its range: what moves between two ranges looks wrong in none.
 */
export async function checkBooks(
  sql: Database,
  { checks, values, rangeSize, onProgress }: BooksOptions,
): Promise<BreachesByCheck> {
  const found = new Map<string, Breach[]>()
  const total = await estimatePayments(sql)
  let after: string | null = ''
  for (let done = rangeSize; after !== null; done += rangeSize) {
    const start: string = after
    after = await withSnapshot(sql, async (snapshot) => {
      const until = await endOfRange(snapshot, start, rangeSize)
      for (const check of checks) {
        const breaches = await runCheck(snapshot, check, { ...values, after: start, until })
        if (breaches.length > 0)
          found.set(check.name, mergeBreaches([...(found.get(check.name) ?? []), ...breaches]))
      }
      return until
    })
    onProgress(after === null ? Math.max(total, done - rangeSize) : done, Math.max(total, done))
  }
  return found
}

/** The last id of the range that begins after `after`; null for the last range, which has no end. */
async function endOfRange(snapshot: Snapshot, after: string, size: number): Promise<string | null> {
  const [row] = await snapshot<{ id: string }[]>`
    select id from payments where id > ${after}::text order by id offset ${size - 1}::int limit 1`
  return row?.id ?? null
}

/** The number of payments by the planner's estimate. */
export async function estimatePayments(sql: Database): Promise<number> {
  const [row] = await sql<{ total: number }[]>`
    select greatest(reltuples, 0)::float8 as total from pg_class where oid = 'payments'::regclass`
  return row?.total ?? 0
}
