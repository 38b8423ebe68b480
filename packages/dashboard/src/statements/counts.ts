import { PAYMENT_STATUSES, type Database, type PaymentStatus } from '@titan/payments'

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

/** A table of at most so many rows is counted; of a larger one only the working states are, up to this number. */
export const EXACT_UP_TO = 10_000

/**
 * Counts payments at a cost that does not grow with their number. The states that a payment passes have an index each and
 * are counted up to {@link EXACT_UP_TO}; how many ended is the planner's estimate once the table is larger than that.
 */
export async function countTotals(sql: Database): Promise<PaymentTotals> {
  const [row] = await sql<{ live: number; review: number }[]>`
    select greatest(coalesce((select n_live_tup from pg_stat_user_tables where relid = 'payments'::regclass), 0),
                    (select reltuples from pg_class where oid = 'payments'::regclass))::bigint as live,
           (select count(*) from (select from payments where needs_review limit ${EXACT_UP_TO}::int) few) as review`
  const review = bounded(row?.review ?? 0)
  const all = await sql<{ status: PaymentStatus; total: number }[]>`
    select status, count(*) as total
      from (select status from payments order by id desc limit ${EXACT_UP_TO}::int) few group by status`
  const seen = all.reduce((sum, { total }) => sum + total, 0)
  if (seen < EXACT_UP_TO) {
    const totals = new Map(all.map(({ status, total }) => [status, total]))
    return { byStatus: forEachStatus((status) => exactly(totals.get(status) ?? 0)), review }
  }
  return { byStatus: await estimate(sql, Math.max(row?.live ?? 0, seen)), review }
}

async function estimate(sql: Database, live: number): Promise<Record<PaymentStatus, Count>> {
  const [working] = await sql<{ pending: number; queued: number; processing: number }[]>`
    select (select count(*) from (select from payments where status = 'PENDING' limit ${EXACT_UP_TO}::int) few) as pending,
           (select count(*) from (select from payments where status = 'QUEUED' limit ${EXACT_UP_TO}::int) few) as queued,
           (select count(*) from (select from payments where status = 'PROCESSING' and not needs_review limit ${EXACT_UP_TO}::int) few)
           + (select count(*) from (select from payments where status = 'PROCESSING' and needs_review limit ${EXACT_UP_TO}::int) few) as processing`
  const shares = await sql<{ status: PaymentStatus; share: number }[]>`
    select value as status, share::float8 as share
      from pg_stats, unnest(most_common_vals::text::text[], most_common_freqs) as common (value, share)
     where schemaname = (select nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
                          where c.oid = 'payments'::regclass)
       and tablename = 'payments' and attname = 'status'`
  const about = (status: PaymentStatus): Count => ({
    value: Math.round(live * (shares.find((one) => one.status === status)?.share ?? 0)),
    precision: 'about',
  })
  return {
    PENDING: bounded(working?.pending ?? 0),
    QUEUED: bounded(working?.queued ?? 0),
    PROCESSING: bounded(working?.processing ?? 0),
    SUCCESS: about('SUCCESS'),
    FAILED: about('FAILED'),
  }
}

function exactly(value: number): Count {
  return { value, precision: 'exact' }
}

function bounded(value: number): Count {
  return { value, precision: value >= EXACT_UP_TO ? 'at_least' : 'exact' }
}

function forEachStatus(count: (status: PaymentStatus) => Count): Record<PaymentStatus, Count> {
  const entries = PAYMENT_STATUSES.map((status) => [status, count(status)] as const)
  return Object.fromEntries(entries) as Record<PaymentStatus, Count>
}
