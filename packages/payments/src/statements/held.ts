import type { Database } from '../database.ts'
import type { DueJob, LostJobs } from './queue.ts'

/** Answers whose jobs a worker holds at the moment, by payment. */
export type HeldJobs = (jobs: readonly DueJob[]) => Promise<ReadonlySet<string>>

interface Row {
  readonly id: string
  readonly schedule_no: number
}

/**
 * Lets payments wait on whose job is not lost but in the hands of a worker that has not claimed them, for as long as their
 * gateway is down: `next_run_at` moves to now, so another full age passes before they are looked at again. A payment
 * whose lease is over is left out: the worker that holds its job may be dead.
 */
export async function postponeHeld(sql: Database, lost: LostJobs, askHeld: HeldJobs): Promise<void> {
  const { limit, queuedAgeMs, processingAgeMs } = lost
  const seen: string[] = []
  for (;;) {
    const rows = await sql<Row[]>`
      (select id, schedule_no
         from payments
        where status = 'QUEUED'
          and next_run_at < statement_timestamp() - ${queuedAgeMs}::float8 * interval '1 millisecond'
          and id <> all(${seen}::text[])
        order by next_run_at, id
        limit ${limit}::int)
      union all
      (select id, schedule_no
         from payments
        where status = 'PROCESSING' and not needs_review and lease_until is null
          and next_run_at < statement_timestamp() - ${processingAgeMs}::float8 * interval '1 millisecond'
          and id <> all(${seen}::text[])
        order by next_run_at, id
        limit ${limit}::int)`
    if (rows.length === 0) return
    const held = await askHeld(
      rows.map(({ id, schedule_no: scheduleNo }) => ({ paymentId: id, scheduleNo, delayMs: 0 })),
    )
    const ids = rows.map(({ id }) => id).filter((id) => held.has(id))
    if (ids.length === 0) return
    await sql`
      update payments set next_run_at = clock_timestamp()
       where id = any(${ids}::text[]) and status in ('QUEUED', 'PROCESSING') and lease_until is null
         and next_run_at < clock_timestamp()`
    if (rows.length < limit) return
    seen.push(...ids)
  }
}
