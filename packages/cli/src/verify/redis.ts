import { jobIdOf, type Database } from '@titan/payments'
import { breachOf, SHOWN, type Breach } from './finding.ts'
import type { JobIndex } from './job-index.ts'
import { readInvariantFile } from './sql-files.ts'

/** What a look beyond PostgreSQL needs. */
export interface CheckContext {
  readonly sql: Database
  /** Undefined without Redis. */
  readonly jobs: JobIndex | undefined
  /** Nothing is in flight any more, so nothing is excused. */
  readonly settled: boolean
  /** How long a payment may be due without a job until it counts as lost, in milliseconds. */
  readonly dueGraceMs: number
}

/** Payments per lookup. */
const PAGE = 1_000

/** `at` is `next_run_at` as text: a Date would lose its microseconds. */
type DueRow = {
  readonly id: string
  readonly schedule_no: number
  readonly event_seq: number
  readonly at: string
}

/** I20, by its effect: finds payments that are long overdue and have no job. */
export async function findOverdueWithoutJob({ sql, jobs, dueGraceMs }: CheckContext): Promise<Breach[]> {
  if (jobs === undefined) return []
  const offenders: string[] = []
  let count = 0
  // Jobs wait in line: a payment is as old as the oldest one before its own job counts as missing.
  const { oldestReadyMs } = await jobs.stats()
  for await (const rows of overduePages(sql, oldestReadyMs + dueGraceMs)) {
    const lost = await withoutJob(sql, jobs, rows)
    count += lost.length
    offenders.push(...lost.slice(0, SHOWN - offenders.length))
  }
  return count === 0 ? [] : [{ what: 'long overdue, and without a job in Redis', count, offenders }]
}

async function* overduePages(sql: Database, graceMs: number): AsyncGenerator<DueRow[]> {
  const text = await readInvariantFile('overdue_payments.sql')
  let after: Pick<DueRow, 'at' | 'id'> | undefined = { at: '-infinity', id: '' }
  while (after !== undefined) {
    const rows: DueRow[] = await sql.unsafe<DueRow[]>(text, [graceMs, after.at, after.id, PAGE])
    if (rows.length > 0) yield rows
    after = rows.length < PAGE ? undefined : rows.at(-1)
  }
}

/** Leaves out what has moved after its page was read: a worker has it, and it may be elsewhere. */
async function withoutJob(sql: Database, jobs: JobIndex, rows: DueRow[]): Promise<string[]> {
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

/** I23: finds entries of the queue that carry more than the id of a payment. */
export async function findStrangeEntries({ jobs }: CheckContext): Promise<Breach[]> {
  if (jobs === undefined) return []
  const { count, entries } = await jobs.strangeEntries(SHOWN)
  return count === 0 ? [] : [{ what: 'an entry is more than the id of a payment', count, offenders: entries }]
}

/** I6: finds payments that only their job in Redis remembers. A payment is committed before its job is enqueued. */
export async function findJobsWithoutPayment({ sql, jobs }: CheckContext): Promise<Breach[]> {
  if (jobs === undefined) return []
  const gone = new Set<string>()
  for await (const ids of jobs.paymentIds()) {
    const rows = await sql<{ id: string }[]>`
      select id from unnest(${ids}::text[]) as named (id)
       where not exists (select from payments p where p.id = named.id)`
    for (const { id } of rows) gone.add(id)
  }
  return breachOf('a job names a payment that does not exist', [...gone])
}

/** I5: finds jobs that are left although nothing should be in flight. */
export async function findJobsLeft({ jobs, settled }: CheckContext): Promise<Breach[]> {
  if (jobs === undefined || !settled) return []
  const { ready, leased, delayed, parked } = await jobs.stats()
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
