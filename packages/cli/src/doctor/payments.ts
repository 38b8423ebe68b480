import type { Database } from '@titan/payments'
import type { Redis } from '@titan/service'
import { diagnosis, type Diagnosis } from './diagnosis.ts'
import { createJobIndex } from '../verify/job-index.ts'
import { formatDuration } from '../output.ts'
import { findOverdueWithoutJob } from '../verify/redis.ts'
import { findOpenBreaks } from '../verify/snapshot.ts'

/** The relay takes a new payment within a second. */
const PENDING_FOR_MS = 60_000

interface Counts {
  readonly pending: number
  readonly oldestMs: number
  readonly review: number
}

/** Looks for payments that do not get on. Without Redis, what only Redis shows is left out. */
export async function examinePayments(
  sql: Database,
  redis: Redis | undefined,
  prefix: string,
): Promise<Diagnosis[]> {
  const [counts] = await sql<Counts[]>`
    select (select count(*) from payments where needs_review)::int as review, late.*
      from (select count(*)::int as pending,
                   coalesce(extract(epoch from clock_timestamp() - min(created_at)) * 1000, 0)::float8 as "oldestMs"
              from payments
             where status = 'PENDING'
               and created_at < clock_timestamp() - ${PENDING_FOR_MS}::float8 * interval '1 millisecond') late`
  const { pending = 0, oldestMs = 0, review = 0 } = counts ?? {}
  const breaks = await findOpenBreaks(sql)
  return [
    await judgeFuture(sql),
    pending === 0
      ? diagnosis('payments.pending', 'ok', 'no payment waits to be put into the queue')
      : diagnosis(
          'payments.pending',
          'error',
          `${pending} payments are PENDING, the oldest for ${formatDuration(oldestMs)}`,
          'start a titan-worker with its relay, and see whether Redis takes jobs',
        ),
    ...(redis === undefined ? [] : [await judgeJobs(sql, redis, prefix)]),
    review === 0
      ? diagnosis('payments.review', 'ok', 'no payment waits for an operator')
      : diagnosis(
          'payments.review',
          'warning',
          `${review} payments wait for an operator`,
          'titan payments list --review',
        ),
    breaks.count === 0
      ? diagnosis('payments.breaks', 'ok', 'no contradiction with a gateway is open')
      : diagnosis(
          'payments.breaks',
          'warning',
          `${breaks.count} contradictions with a gateway are open: ${breaks.offenders.join(', ')}`,
          'titan payments show tells them; give the charge back at the gateway, then titan payments refund records it',
        ),
  ]
}

/** A transaction may have begun a moment before its rows say. */
const FUTURE_MS = 10_000

/** Times are PostgreSQL's, so a row of the future says that its clock was set back. */
async function judgeFuture(sql: Database): Promise<Diagnosis> {
  const [row] = await sql<{ waiting: number; aheadMs: number }[]>`
    select count(*)::int as waiting,
           coalesce(extract(epoch from max(updated_at) - clock_timestamp()) * 1000, 0)::float8 as "aheadMs"
      from payments
     where status in ('PENDING', 'QUEUED', 'PROCESSING')
       and updated_at > clock_timestamp() + ${FUTURE_MS}::float8 * interval '1 millisecond'`
  const { waiting = 0, aheadMs = 0 } = row ?? {}
  if (waiting === 0) return diagnosis('payments.future', 'ok', 'no payment was written in the future')
  return diagnosis(
    'payments.future',
    'error',
    `${waiting} payments were written up to ${formatDuration(aheadMs)} in the future: the clock of PostgreSQL was set back`,
    'they stand still until it has caught up: see "When the clock of PostgreSQL is set back" in docs/production.md',
  )
}

/** As I20 of `titan verify` sees it: payments that have been due for a minute and have no job. */
async function judgeJobs(sql: Database, redis: Redis, prefix: string): Promise<Diagnosis> {
  const jobs = createJobIndex(redis, prefix)
  const [breach] = await findOverdueWithoutJob({ sql, jobs, settled: false, dueGraceMs: 60_000 })
  if (breach === undefined) return diagnosis('payments.jobs', 'ok', 'every payment that is due has its job')
  const found = `${breach.count} payments are due and have no job: ${breach.offenders.join(', ')}`
  return diagnosis(
    'payments.jobs',
    'error',
    found,
    'titan recover, and see that a titan-worker runs with its reconciler',
  )
}
