import type { Database } from '@titan/payments'

/** What happened to the payments in a stretch of time. */
export interface Activity {
  readonly from: Date
  readonly to: Date
  readonly created: number
  readonly succeeded: number
  readonly failed: number
  readonly retried: number
  /** From acceptance to the end, in milliseconds; null when none ended. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
}

/** Of so many ended payments the latency is measured; more say nothing new. */
const MEASURED = 2_000

/** What is younger is left to the next stretch, so that transactions which just end are not missed. */
const SETTLE_MS = 1_000

/** The time of the database from which stretches are counted. */
export async function readStart(sql: Database): Promise<Date> {
  const [row] = await sql<{ at: Date }[]>`
    select clock_timestamp() - ${SETTLE_MS}::int * interval '1 millisecond' as at`
  return row?.at ?? new Date()
}

/** What happened since `from`, up to a second ago. Reads the events of that time only, by their index. */
export async function readActivity(sql: Database, from: Date): Promise<Activity> {
  const [row] = await sql<Activity[]>`
    with stretch as materialized (
      select ${from}::timestamptz as since, clock_timestamp() - ${SETTLE_MS}::int * interval '1 millisecond' as until
    ), recent as materialized (
      select payment_id, type, at from payment_events
       where at >= (select since from stretch) and at < (select until from stretch)
    ), ended as (
      select extract(epoch from e.at - p.created_at)::float8 * 1000 as ms
        from (select payment_id, at from recent where type in ('payment.succeeded', 'payment.failed')
               limit ${MEASURED}::int) e
        join payments p on p.id = e.payment_id
    ), latency as (
      select percentile_cont(array[0.5, 0.95, 0.99]) within group (order by ms) as p from ended
    )
    select (select since from stretch) as "from", (select until from stretch) as "to",
           count(*) filter (where type = 'payment.created') as created,
           count(*) filter (where type = 'payment.succeeded') as succeeded,
           count(*) filter (where type = 'payment.failed') as failed,
           count(*) filter (where type in ('payment.retrying', 'payment.requeued', 'payment.taken_over')) as retried,
           (select p[1] from latency) as "p50Ms", (select p[2] from latency) as "p95Ms", (select p[3] from latency) as "p99Ms"
      from recent`
  if (row === undefined) throw new Error('An aggregate without a row')
  return row
}
