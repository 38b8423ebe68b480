import { jobIdOf } from '@titan/payments'
import { NONE, SHOWN } from './finding.ts'
import type { CheckContext, Invariant, QueueView } from './invariant.ts'

/** Payments that are looked up at a time. */
const PAGE = 1_000

interface DueRow {
  readonly id: string
  readonly schedule_no: number
  readonly event_seq: number
}

/** I20, by its effect: an entry that was acknowledged too early leaves a payment without a job. */
export const dueHasJob: Invariant = {
  id: 'I20',
  title: 'A job is done only when PostgreSQL has no more need of it: every payment long due has its job.',
  needs: 'redis',
  check: async (context) => {
    const { view } = context
    if (view === undefined) return NONE
    const offenders: string[] = []
    let count = 0
    for await (const rows of overduePages(context, await graceOf(context, view))) {
      const lost = await withoutJob(context, view, rows)
      count += lost.length
      offenders.push(...lost.slice(0, SHOWN - offenders.length))
    }
    return { count, offenders }
  },
}

/** Jobs wait in line: a payment is as old as the oldest one before anybody can say that its own is missing. */
async function graceOf({ dueGraceMs }: CheckContext, { queue }: QueueView): Promise<number> {
  const { oldestReadyMs } = await queue.stats()
  return oldestReadyMs + dueGraceMs
}

function overduePages({ snapshot }: CheckContext, graceMs: number): AsyncIterable<DueRow[]> {
  return snapshot<DueRow[]>`
    select id, schedule_no, event_seq from payments
     where status in ('QUEUED', 'PROCESSING') and not needs_review
       and greatest(next_run_at, lease_until) < clock_timestamp() - ${graceMs}::float8 * interval '1 millisecond'
  `.cursor(PAGE)
}

/** What has moved since the snapshot is in living hands, and has the right to be somewhere else. */
async function withoutJob({ sql }: CheckContext, { jobs }: QueueView, rows: DueRow[]): Promise<string[]> {
  const suspects = new Map(rows.map((row) => [jobIdOf(row.id, row.schedule_no), row]))
  const missing = await jobs.missing([...suspects.keys()])
  if (missing.length === 0) return []
  const lost = missing.flatMap((jobId) => suspects.get(jobId) ?? [])
  const unmoved = await sql<{ id: string }[]>`
    select p.id
      from unnest(${lost.map(({ id }) => id)}::text[], ${lost.map(({ event_seq }) => event_seq)}::int[]) as seen (id, event_seq)
      join payments p on p.id = seen.id and p.event_seq = seen.event_seq
     where p.lease_until is null or p.lease_until < clock_timestamp()
     order by p.id`
  return unmoved.map(({ id }) => id)
}

/** I23: nothing in Redis can change what is charged. */
export const entriesCarryIds: Invariant = {
  id: 'I23',
  title: 'Entries of the queue carry the id of a payment and nothing else.',
  needs: 'redis',
  check: async ({ view }) => {
    if (view === undefined) return NONE
    const { count, entries } = await view.jobs.strangeEntries(SHOWN)
    return { count, offenders: entries }
  },
}
