import type { Database } from './database.ts'
import type { PaymentStatus } from '../domain/payment.ts'

/** How many payments are in each status, and how many wait for an operator. */
export interface PaymentCounts {
  readonly byStatus: Readonly<Record<PaymentStatus, number>>
  readonly needsReview: number
  /** PROCESSING with an unknown outcome. */
  readonly unknown: number
  /** Age of the oldest payment that is not final and not parked, in milliseconds; 0 when there is none. */
  readonly oldestUnfinishedMs: number
  /** Age of the oldest payment that is PENDING, in milliseconds; 0 when there is none. */
  readonly oldestPendingMs: number
  /** False in a large table: then SUCCESS and FAILED are the planner's estimates. */
  readonly isExact: boolean
  /** Some number of unfinished payments is only the least that there are: they are counted up to 100,000 in each state. */
  readonly isAtLeast: boolean
}

/** How far counting goes. */
export interface CountLimits {
  /** A table of fewer rows than this is counted whole. */
  readonly table: number
  /** Unfinished payments that are looked at in each state, those first that are due first. */
  readonly working: number
}

const DEFAULT_LIMITS: CountLimits = { table: 10_000, working: 100_000 }

interface CountRow {
  readonly pending: number
  readonly queued: number
  readonly processing: number
  readonly review: number
  readonly unknown: number
  readonly oldest_ms: number
  readonly oldest_pending_ms: number
}

/**
 * Counts at a cost that does not grow with the history: the working states have an index each, and what ended is read
 * from the planner's statistics once the table is large.
 */
export async function countPayments(
  sql: Database,
  limits: CountLimits = DEFAULT_LIMITS,
): Promise<PaymentCounts> {
  const most = limits.working
  // Written out per state, so that each reads its own partial index.
  const [working] = await sql<CountRow[]>`
    with pending as (
      select created_at from payments where status = 'PENDING' order by next_run_at, id limit ${most}::int
    ), queued as (
      select created_at from payments where status = 'QUEUED' order by next_run_at, id limit ${most}::int
    ), processing as (
      select created_at, unknown_since from payments where status = 'PROCESSING' and not needs_review
       order by next_run_at, id limit ${most}::int
    ), review as (
      select from payments where needs_review order by updated_at, id limit ${most}::int
    )
    select (select count(*) from pending) as pending, (select count(*) from queued) as queued,
           (select count(*) from processing) as processing, (select count(*) from review) as review,
           (select count(unknown_since) from processing) as unknown,
           coalesce(extract(epoch from at - least(
             (select min(created_at) from pending), (select min(created_at) from queued),
             (select min(created_at) from processing))) * 1000, 0)::float8 as oldest_ms,
           coalesce(extract(epoch from at - (select min(created_at) from pending)) * 1000, 0)::float8
             as oldest_pending_ms
      from (select clock_timestamp() as at) clock`
  if (working === undefined) throw new RangeError('a count answers one row')
  const { pending, queued, review, unknown } = working
  // A parked payment is PROCESSING too.
  const processing = working.processing + review
  const ended = await countEnded(sql, limits.table, pending + queued + processing)
  return {
    byStatus: {
      PENDING: pending,
      QUEUED: queued,
      PROCESSING: processing,
      SUCCESS: ended.success,
      FAILED: ended.failed,
    },
    needsReview: review,
    unknown,
    oldestUnfinishedMs: Math.max(0, working.oldest_ms),
    oldestPendingMs: Math.max(0, working.oldest_pending_ms),
    isExact: ended.isExact,
    isAtLeast: [pending, queued, working.processing, review].some((count) => count >= most),
  }
}

interface Ended {
  readonly success: number
  readonly failed: number
  readonly isExact: boolean
}

async function countEnded(sql: Database, table: number, unfinished: number): Promise<Ended> {
  const [few] = await sql<{ seen: number; success: number; failed: number }[]>`
    select count(*) as seen, count(*) filter (where status = 'SUCCESS') as success,
           count(*) filter (where status = 'FAILED') as failed
      from (select status from payments order by id desc limit ${table}::int) few`
  const { seen = 0, success = 0, failed = 0 } = few ?? {}
  if (seen < table) return { success, failed, isExact: true }
  const [planner] = await sql<{ total: number; share: number | null }[]>`
    select greatest(coalesce((select n_live_tup from pg_stat_user_tables where relid = 'payments'::regclass), 0),
                    (select reltuples from pg_class where oid = 'payments'::regclass))::float8 as total,
           (select share
              from pg_stats, unnest(most_common_vals::text::text[], most_common_freqs::float8[]) as common (value, share)
             where (schemaname, tablename, attname) = (
                     select nspname, relname, 'status'::name
                       from pg_class c join pg_namespace n on n.oid = relnamespace where c.oid = 'payments'::regclass)
               and value = 'FAILED') as share`
  const total = Math.max(planner?.total ?? 0, seen)
  const failures = Math.max(failed, Math.round(total * (planner?.share ?? 0)))
  return { success: Math.max(success, total - unfinished - failures), failed: failures, isExact: false }
}
