import { jobIdOf } from '@titan/payments'
import { readInvariantFile } from './check-files.ts'
import { breachOf, SHOWN, type Breach } from './finding.ts'
import type { CheckContext, QueueView } from './invariant.ts'

/** Payments that are looked up at a time. */
const PAGE = 1_000

interface DueRow {
  readonly id: string
  readonly schedule_no: number
  readonly event_seq: number
  /** `next_run_at` as text: a Date would lose its microseconds. */
  readonly at: string
}

/** I20, by its effect: payments long due without a job. */
export async function findDueWithoutJob(context: CheckContext): Promise<Breach[]> {
  const { view } = context
  if (view === undefined) return []
  const offenders: string[] = []
  let count = 0
  for await (const rows of overduePages(context, await graceOf(context, view))) {
    const lost = await withoutJob(context, view, rows)
    count += lost.length
    offenders.push(...lost.slice(0, SHOWN - offenders.length))
  }
  return count === 0 ? [] : [{ what: 'due for long, and without a job in Redis', count, offenders }]
}

/** Jobs wait in line: a payment is as old as the oldest one before its own job counts as missing. */
async function graceOf({ dueGraceMs }: CheckContext, { queue }: QueueView): Promise<number> {
  const { oldestReadyMs } = await queue.stats()
  return oldestReadyMs + dueGraceMs
}

async function* overduePages({ sql }: CheckContext, graceMs: number): AsyncGenerator<DueRow[]> {
  const text = await readInvariantFile('overdue_payments.sql')
  let after: Pick<DueRow, 'at' | 'id'> | undefined = { at: '-infinity', id: '' }
  while (after !== undefined) {
    const rows: DueRow[] = await sql.unsafe<DueRow[]>(text, [graceMs, after.at, after.id, PAGE])
    if (rows.length > 0) yield rows
    after = rows.length < PAGE ? undefined : rows.at(-1)
  }
}

/** What has moved since its page was read is in living hands, and has the right to be somewhere else. */
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

/** I23: entries of the queue that carry more than the id of a payment. */
export async function findStrangeEntries({ view }: CheckContext): Promise<Breach[]> {
  if (view === undefined) return []
  const { count, entries } = await view.jobs.strangeEntries(SHOWN)
  return count === 0 ? [] : [{ what: 'an entry is more than the id of a payment', count, offenders: entries }]
}

/** I6: payments that only their job in Redis remembers. A payment is committed before its job is made. */
export async function findJobsWithoutPayment({ sql, view }: CheckContext): Promise<Breach[]> {
  if (view === undefined) return []
  const gone = new Set<string>()
  for await (const ids of view.jobs.paymentIds()) {
    const rows = await sql<{ id: string }[]>`
      select id from unnest(${ids}::text[]) as named (id)
       where not exists (select from payments p where p.id = named.id)`
    for (const { id } of rows) gone.add(id)
  }
  return breachOf('a job names a payment that is not there', [...gone])
}

/** I5: jobs that are left although nothing should be under way. */
export async function findJobsLeft({ view, settled }: CheckContext): Promise<Breach[]> {
  if (view === undefined || !settled) return []
  const { ready, leased, delayed, parked } = await view.queue.stats()
  const left = Object.entries({ ready, leased, delayed, parked }).filter(([, count]) => count > 0)
  if (left.length === 0) return []
  return [
    {
      what: 'a job is left in Redis',
      count: left.reduce((sum, [, count]) => sum + count, 0),
      offenders: left.map(([state, count]) => `${count} ${state} in Redis`),
    },
  ]
}
