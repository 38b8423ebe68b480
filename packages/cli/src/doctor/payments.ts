import type { Database } from '@titan/payments'
import type { Redis } from '@titan/service'
import { formatDuration } from '../output.ts'
import { createJobIndex } from '../verify/job-index.ts'
import { findOverdueWithoutJob } from '../verify/redis.ts'
import { findOpenBreaks } from '../verify/snapshot.ts'
import { ok, problem, type Diagnosis } from './diagnosis.ts'

/** The relay enqueues a new payment within a second. */
const PENDING_FOR_MS = 60_000

/** Looks for payments that make no progress. Without Redis, what only Redis shows is left out. */
export async function examinePayments(
  sql: Database,
  redis: Redis | undefined,
  prefix: string,
): Promise<Diagnosis[]> {
  return [
    await judgeFuture(sql),
    await judgePending(sql),
    ...(redis === undefined ? [] : [await judgeJobs(sql, redis, prefix)]),
    await judgeReview(sql),
    await judgeBreaks(sql),
  ]
}

/** A transaction may have begun a little before the time in its rows. */
const FUTURE_MS = 10_000

/** Times are PostgreSQL's, so a row of the future shows that its clock was set back. */
async function judgeFuture(sql: Database): Promise<Diagnosis> {
  const id = 'payments.future'
  const [row] = await sql<{ waiting: number; aheadMs: number }[]>`
    select count(*)::int as waiting,
           coalesce(extract(epoch from max(updated_at) - clock_timestamp()) * 1000, 0)::float8 as "aheadMs"
      from payments
     where status in ('PENDING', 'QUEUED', 'PROCESSING')
       and updated_at > clock_timestamp() + ${FUTURE_MS}::float8 * interval '1 millisecond'`
  const { waiting = 0, aheadMs = 0 } = row ?? {}
  if (waiting === 0) return ok(id, 'No payment was written in the future.')
  const found = `${waiting} payments were written up to ${formatDuration(aheadMs)} in the future: the clock of PostgreSQL was set back.`
  const advice =
    'They wait until the clock has caught up: see "If PostgreSQL\'s clock is set back" in docs/production.md.'
  return problem('error', id, found, advice)
}

async function judgePending(sql: Database): Promise<Diagnosis> {
  const id = 'payments.pending'
  const [row] = await sql<{ pending: number; oldestMs: number }[]>`
    select count(*)::int as pending,
           coalesce(extract(epoch from clock_timestamp() - min(created_at)) * 1000, 0)::float8 as "oldestMs"
      from payments
     where status = 'PENDING'
       and created_at < clock_timestamp() - ${PENDING_FOR_MS}::float8 * interval '1 millisecond'`
  const { pending = 0, oldestMs = 0 } = row ?? {}
  if (pending === 0) return ok(id, 'No payment waits to be enqueued.')
  const found = `${pending} payments are PENDING, the oldest for ${formatDuration(oldestMs)}.`
  const advice = 'Start a titan-worker with its relay, and check whether Redis accepts jobs.'
  return problem('error', id, found, advice)
}

/** Finds what I20 of `titan verify` finds: payments that have been due for a minute and have no job. */
async function judgeJobs(sql: Database, redis: Redis, prefix: string): Promise<Diagnosis> {
  const id = 'payments.jobs'
  const jobs = createJobIndex(redis, prefix)
  const [breach] = await findOverdueWithoutJob({ sql, jobs, settled: false, dueGraceMs: 60_000 })
  if (breach === undefined) return ok(id, 'Every payment that is due has its job.')
  const found = `${breach.count} payments are due and have no job: ${breach.offenders.join(', ')}.`
  const advice = 'Run titan recover, and check that a titan-worker runs with its reconciler.'
  return problem('error', id, found, advice)
}

async function judgeReview(sql: Database): Promise<Diagnosis> {
  const id = 'payments.review'
  const [row] = await sql<{ review: number }[]>`
    select count(*)::int as review from payments where needs_review`
  const { review = 0 } = row ?? {}
  if (review === 0) return ok(id, 'No payment waits for an operator.')
  return problem(
    'warning',
    id,
    `${review} payments wait for an operator.`,
    'Run titan payments list --review.',
  )
}

async function judgeBreaks(sql: Database): Promise<Diagnosis> {
  const id = 'payments.breaks'
  const { count, offenders } = await findOpenBreaks(sql)
  if (count === 0) return ok(id, 'No contradiction with a gateway is open.')
  const found = `${count} contradictions with a gateway are open: ${offenders.join(', ')}.`
  const advice =
    'See titan payments show; refund the charge at the gateway, then record it with titan payments refund.'
  return problem('warning', id, found, advice)
}
