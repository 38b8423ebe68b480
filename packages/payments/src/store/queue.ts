import type { Database, Queryable } from './database.ts'
import { postponePresent, type FindJobs } from './held.ts'

/** A job that a payment needs now or later. */
export interface DueJob {
  readonly paymentId: string
  /** Which scheduling of the payment this is; part of the job's id. */
  readonly scheduleNo: number
  /** Milliseconds until the job should be ready. */
  readonly delayMs: number
  /** The trace that the payment goes on with. */
  readonly traceparent?: string
}

/** A PENDING payment, for the relay. */
export interface PendingPayment {
  readonly id: string
  /** The trace that it goes on with. */
  readonly traceparent?: string | undefined
}

/** T1 for payments that were just enqueued. Answers how many were still PENDING; a worker may have been faster. */
export async function markQueued(sql: Queryable, ids: readonly string[], actor: string): Promise<number> {
  const rows = await sql`
    with target as (
      select p.id
        from (select distinct id from unnest(${ids}::text[]) as id order by id) request
       cross join lateral (
         select id from payments
          where id = request.id
            -- Not written plainly: the index of PENDING payments would seem to fit, and be read whole for each id.
            and coalesce(status, '') = 'PENDING'
            for update
       ) p
    ), moved as (
      update payments p
         set status      = 'QUEUED',
             next_run_at = clock_timestamp(),
             event_seq   = p.event_seq + 1,
             updated_at  = clock_timestamp()
        from target
       where p.id = target.id
   returning p.id, p.event_seq
    ), event as (
      insert into payment_events (payment_id, seq, type, from_status, to_status, actor)
      select id, event_seq, 'payment.queued', 'PENDING', 'QUEUED', ${actor}::text from moved
    )
    select id from moved`
  return rows.length
}

/** Which payments a relay run takes, and what it does with them before they are marked. */
export interface RelayBatch {
  readonly limit: number
  /** Leaves younger payments to the program that created them. */
  readonly minAgeMs: number
  readonly actor: string
  /** Puts the jobs into the queue. When it rejects, the payments stay PENDING. */
  readonly enqueue: (payments: readonly PendingPayment[]) => Promise<void>
}

/**
 * T1 by state, oldest first, at most `limit`. Rows that another relay holds are skipped. The jobs are in the queue
 * before the mark commits: a crash in between leaves a job too many, never a payment without one.
 */
export async function relayPending(sql: Database, batch: RelayBatch): Promise<number> {
  return sql.begin(async (transaction) => {
    const rows = await transaction<{ id: string; traceparent: string | null }[]>`
      select id, traceparent from payments
       where status = 'PENDING' and next_run_at <= statement_timestamp() - ${batch.minAgeMs}::float8 * interval '1 millisecond'
       order by next_run_at, id
       limit ${batch.limit}::int
         for update skip locked`
    if (rows.length === 0) return 0
    const ids = rows.map(({ id }) => id)
    await batch.enqueue(rows.map(({ id, traceparent }) => ({ id, traceparent: traceparent ?? undefined })))
    await markQueued(transaction, ids, batch.actor)
    return ids.length
  })
}

/** When a job that should be there is believed lost. */
export interface LostJobs {
  readonly limit: number
  /** QUEUED payments that have been due for longer than this have no job any more. */
  readonly queuedAgeMs: number
  /** PROCESSING payments whose lease is over or whose next question is due for longer than this have none. */
  readonly processingAgeMs: number
  readonly actor: string
  /** Called before a payment counts as lost. @default the age alone decides */
  readonly findJobs?: FindJobs | undefined
}

interface DueRow {
  readonly id: string
  readonly schedule_no: number
  readonly delay_ms: number
  readonly traceparent: string | null
}

/**
 * T9, and its equal for PROCESSING payments: takes payments whose job is lost and gives each a new scheduling.
 * `next_run_at` moves to now, so one is taken again only after another full age; a crash before the enqueue costs that time.
 */
export async function takeLost(sql: Database, lost: LostJobs): Promise<DueJob[]> {
  const { limit, queuedAgeMs, processingAgeMs, actor, findJobs } = lost
  if (findJobs !== undefined) await postponePresent(sql, lost, findJobs)
  const rows = await sql<DueRow[]>`
    with queued as (
      select id, 'no job for a due payment' as reason
        from payments
       where status = 'QUEUED'
         and next_run_at < statement_timestamp() - ${queuedAgeMs}::float8 * interval '1 millisecond'
       order by next_run_at, id
       limit ${limit}::int
         for update skip locked
    ), processing as (
      select id, case when lease_until is null then 'an unknown outcome is due' else 'the lease is over' end as reason
        from payments
       where status = 'PROCESSING' and not needs_review
         and next_run_at < statement_timestamp() - ${processingAgeMs}::float8 * interval '1 millisecond'
         and coalesce(lease_until, '-infinity')
             < statement_timestamp() - ${processingAgeMs}::float8 * interval '1 millisecond'
       order by next_run_at, id
       limit ${limit}::int
         for update skip locked
    ), target as (
      select * from queued union all select * from processing
    ), moved as (
      update payments p
         set schedule_no = p.schedule_no + 1,
             next_run_at = clock_timestamp(),
             event_seq   = p.event_seq + 1,
             updated_at  = clock_timestamp()
        from target
       where p.id = target.id
   returning p.id, p.status, p.schedule_no, p.event_seq, p.traceparent, target.reason
    ), event as (
      insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
      select id, event_seq, 'payment.requeued', status, status, ${actor}::text,
             jsonb_build_object('reason', reason, 'schedule_no', schedule_no)
        from moved
    )
    select id, schedule_no, 0::float8 as delay_ms, traceparent from moved`
  return rows.map(toDueJob)
}

/** Where a page of {@link unfinishedJobs} ended. */
export interface UnfinishedCursor {
  /** `next_run_at` of the last row, as text: a Date would lose its microseconds. */
  readonly at: string
  readonly id: string
}

/** One page of {@link unfinishedJobs}. */
export interface UnfinishedPage {
  readonly jobs: DueJob[]
  /** Undefined after the last page. */
  readonly next: UnfinishedCursor | undefined
}

/**
 * The jobs that should exist for payments of a working state, in the order they are due. A payment that moves while
 * the pages are read is in the hands of a living worker, so it does not matter on which side of the cursor it lands.
 */
export async function unfinishedJobs(
  sql: Database,
  status: 'QUEUED' | 'PROCESSING',
  after: UnfinishedCursor | undefined,
  limit: number,
): Promise<UnfinishedPage> {
  // Written out per state, so that each reads its own partial index.
  const state = status === 'QUEUED' ? sql`status = 'QUEUED'` : sql`status = 'PROCESSING' and not needs_review`
  const rows = await sql<(DueRow & { readonly at: string })[]>`
    select id, schedule_no, next_run_at::text as at, traceparent,
           greatest(0, ceil(extract(epoch from greatest(next_run_at, lease_until) - clock_timestamp()) * 1000))::float8 as delay_ms
      from payments
     where ${state} and (next_run_at, id) > (${after?.at ?? '-infinity'}::text::timestamptz, ${after?.id ?? ''}::text)
     order by next_run_at, id
     limit ${limit}::int`
  const last = rows.at(-1)
  return {
    jobs: rows.map(toDueJob),
    next: rows.length < limit || last === undefined ? undefined : { at: last.at, id: last.id },
  }
}

function toDueJob({ id, schedule_no: scheduleNo, delay_ms: delayMs, traceparent }: DueRow): DueJob {
  return { paymentId: id, scheduleNo, delayMs, ...(traceparent !== null && { traceparent }) }
}
