import type { Database } from './database.ts'
import type { DueJob, LostJobs } from './queue.ts'

/** Where Redis has a job: `waiting` for a worker, or `held` by one. */
export type JobPlace = 'waiting' | 'held'

/** Finds the jobs that Redis has, by payment. A payment that is missing in the answer has no job. */
export type FindJobs = (jobs: readonly DueJob[]) => Promise<ReadonlyMap<string, JobPlace>>

interface Row {
  readonly id: string
  readonly schedule_no: number
  /** A worker claimed the payment and its lease expired, so the worker that holds the job may be dead. */
  readonly is_lease_over: boolean
}

/**
 * Postpones payments whose job is not lost: it waits in the backlog, or a worker holds it without a claim because the
 * gateway is down. `next_run_at` moves to now, so another full age passes before they are examined again.
 */
export async function postponePresent(sql: Database, lost: LostJobs, findJobs: FindJobs): Promise<void> {
  const { limit, queuedAgeMs, processingAgeMs } = lost
  const seen: string[] = []
  for (;;) {
    const rows = await sql<Row[]>`
      (select id, schedule_no, false as is_lease_over
         from payments
        where status = 'QUEUED'
          and next_run_at < statement_timestamp() - ${queuedAgeMs}::float8 * interval '1 millisecond'
          and id <> all(${seen}::text[])
        order by next_run_at, id
        limit ${limit}::int)
      union all
      (select id, schedule_no, lease_until is not null
         from payments
        where status = 'PROCESSING' and not needs_review
          and coalesce(lease_until, '-infinity')
              < statement_timestamp() - ${processingAgeMs}::float8 * interval '1 millisecond'
          and next_run_at < statement_timestamp() - ${processingAgeMs}::float8 * interval '1 millisecond'
          and id <> all(${seen}::text[])
        order by next_run_at, id
        limit ${limit}::int)`
    if (rows.length === 0) return
    const places = await findJobs(
      rows.map(({ id, schedule_no: scheduleNo }) => ({ paymentId: id, scheduleNo, delayMs: 0 })),
    )
    const isPresent = ({ id, is_lease_over: isLeaseOver }: Row): boolean =>
      places.get(id) === 'waiting' || (places.get(id) === 'held' && !isLeaseOver)
    const ids = rows.filter(isPresent).map(({ id }) => id)
    if (ids.length === 0) return
    await sql`
      update payments set next_run_at = clock_timestamp()
       where id = any(${ids}::text[]) and status in ('QUEUED', 'PROCESSING')
         and (lease_until is null or lease_until < clock_timestamp()) and next_run_at < clock_timestamp()`
    if (rows.length < limit) return
    seen.push(...ids)
  }
}
