import {
  listGateways,
  PAYMENTS_QUEUE,
  readPartitions,
  type Database,
  type ListedGateway,
} from '@titan/payments'
import type { RedisClient } from '@titan/queue-core'
import type { Place } from '../commands/queue.ts'
import { formatDuration, formatTimestamp } from '../output.ts'
import { createJobIndex } from '../verify/job-index.ts'
import { findOverdueWithoutJob } from '../verify/redis.ts'
import { findOpenBreaks } from '../verify/snapshot.ts'
import { diagnose, problem, type Diagnosis, type Result } from './diagnosis.ts'
import { examined } from './examined.ts'

/** A transaction may have begun a little before the time in its rows. */
const FUTURE_MS = 10_000

/** The relay enqueues a new payment within a second. */
const PENDING_FOR_MS = 60_000

/** A worker begins a payment within seconds unless all are busy. */
const WAITING_FOR_MS = 300_000

/** Looks for payments that make no progress. Without Redis, what only Redis shows is left out. */
export async function examinePayments(
  sql: Database,
  redis: RedisClient | undefined,
  place: Place,
): Promise<Diagnosis[]> {
  // Times are PostgreSQL's, so a row of the future shows that its clock was set back.
  const [facts] = await sql<Record<'future' | 'aheadMs' | 'pending' | 'oldestMs' | 'review', number>[]>`
    select future.*, pending.*, (select count(*)::int from payments where needs_review) as review
      from (select count(*)::int as future,
                   coalesce(extract(epoch from max(updated_at) - clock_timestamp()) * 1000, 0)::float8 as "aheadMs"
              from payments
             where status in ('PENDING', 'QUEUED', 'PROCESSING')
               and updated_at > clock_timestamp() + ${FUTURE_MS}::float8 * interval '1 millisecond') as future,
           (select count(*)::int as pending,
                   coalesce(extract(epoch from clock_timestamp() - min(greatest(created_at, execute_at))) * 1000, 0)::float8 as "oldestMs"
              from payments
             where status = 'PENDING' and next_run_at <= clock_timestamp()
               and greatest(created_at, execute_at) < clock_timestamp() - ${PENDING_FOR_MS}::float8 * interval '1 millisecond') as pending`
  const { future = 0, aheadMs = 0, pending = 0, oldestMs = 0, review = 0 } = facts ?? {}
  return [
    diagnose('payments.partitions', judgePartitions(await readPartitions(sql, PAYMENTS_QUEUE), place)),
    diagnose('payments.future', judgeFuture(future, aheadMs)),
    diagnose('payments.pending', judgePending(pending, oldestMs)),
    diagnose('payments.waiting', await judgeWaiting(sql)),
    ...(redis === undefined
      ? []
      : await examined('payments.jobs', async () => [
          diagnose('payments.jobs', await judgeJobs(sql, redis, place)),
        ])),
    diagnose('payments.review', judgeReview(review)),
    diagnose('payments.breaks', await judgeBreaks(sql)),
    diagnose('payments.gateway', judgeGateways(await readGateways(sql))),
    diagnose('payments.books', await judgeBooks(sql)),
    diagnose('payments.stopped', judgeStops(await listGateways(sql))),
  ]
}

function judgePartitions(recorded: number | undefined, { partitions }: Place): Result {
  if (recorded === undefined)
    return 'No number of partitions is recorded: no program of this version started.'
  const found = `The jobs of payments are in ${recorded} ${recorded === 1 ? 'partition' : 'partitions'}`
  if (recorded === partitions) return `${found}.`
  const advice = `Set QUEUE_PARTITIONS=${recorded} for every program, or stop all of them and run titan repartition.`
  return problem('error', `${found}, and QUEUE_PARTITIONS is ${partitions}.`, advice)
}

function judgeFuture(future: number, aheadMs: number): Result {
  if (future === 0) return 'No payment was written in the future.'
  const found = `${future} payments were written up to ${formatDuration(aheadMs)} in the future: the clock of PostgreSQL was set back.`
  const advice =
    'They wait until the clock has caught up: see "If PostgreSQL\'s clock is set back" in docs/production.md.'
  return problem('error', found, advice)
}

function judgePending(pending: number, oldestMs: number): Result {
  if (pending === 0) return 'No payment waits to be enqueued.'
  const found = `${pending} payments are PENDING, the oldest for ${formatDuration(oldestMs)}.`
  const advice = 'Start a titan-worker with its relay, and check whether Redis accepts jobs.'
  return problem('error', found, advice)
}

/** Finds payments that no worker has taken yet, of accounts that are not paused. */
async function judgeWaiting(sql: Database): Promise<Result> {
  const [row] = await sql<{ count: number; oldest: string | null }[]>`
    select count(*)::int as count, min(id) as oldest
      from payments
     where status = 'QUEUED' and attempt_no = 0 and not needs_review
       and greatest(created_at, execute_at) < clock_timestamp() - ${WAITING_FOR_MS}::float8 * interval '1 millisecond'
       and not exists (select from accounts a where a.id = coalesce(account, 'default') and a.paused_at is not null)`
  const { count = 0, oldest = null } = row ?? {}
  if (count === 0) return 'No payment has waited long for a worker.'
  const found = `${count} payments have been due for ${formatDuration(WAITING_FOR_MS)} and no worker has begun them: ${oldest}.`
  const advice =
    'Either the workers are behind (titan stats), or none may take them: their gateway, its mode (test or live) or its token is that of no worker. See titan gateways list, titan accounts list.'
  return problem('warning', found, advice)
}

/** Finds what I20 of `titan verify` finds: payments that have been due for a minute and have no job. */
async function judgeJobs(sql: Database, redis: RedisClient, place: Place): Promise<Result> {
  const jobs = createJobIndex(redis, place)
  const [breach] = await findOverdueWithoutJob({ sql, jobs, settled: false, dueGraceMs: 60_000 })
  if (breach === undefined) return 'Every payment that is due has its job.'
  const found = `${breach.count} payments are due and have no job: ${breach.offenders.join(', ')}.`
  const advice = 'Run titan recover, and check that a titan-worker runs with its reconciler.'
  return problem('error', found, advice)
}

function judgeReview(review: number): Result {
  if (review === 0) return 'No payment waits for an operator.'
  return problem('warning', `${review} payments wait for an operator.`, 'Run titan payments list --review.')
}

async function judgeBreaks(sql: Database): Promise<Result> {
  const { count, offenders } = await findOpenBreaks(sql)
  if (count === 0) return 'No contradiction with a gateway is open.'
  const found = `${count} contradictions with a gateway are open: ${offenders.join(', ')}.`
  const advice =
    'See titan payments show; refund the charge at the gateway, then record it with titan payments refund.'
  return problem('warning', found, advice)
}

/** What cannot be compared has no mark: a gateway without a list, and credentials that no worker can open. */
async function judgeBooks(sql: Database): Promise<Result> {
  const books = await sql<{ name: string; doneUntil: Date | null }[]>`
    select coalesce(m.gateway, c.place) as name, m.done_until as "doneUntil"
      from (select gateway, done_until from reconciliation_marks where account = 'default') as m
      full join gateway_credentials c on c.place = m.gateway
     order by 1`
  const compared = books.map(({ name, doneUntil }) =>
    doneUntil === null ? `${name} never` : `${name} until ${formatTimestamp(doneUntil)}`,
  )
  return compared.length === 0
    ? 'No list of a gateway was compared.'
    : `Lists compared: ${compared.join(', ')}.`
}

function judgeStops(gateways: readonly ListedGateway[]): Result {
  const stopped = gateways.filter(({ stoppedAt }) => stoppedAt !== null)
  if (stopped.length > 0) {
    const names = stopped.map(({ gateway, stoppedBy }) => `${gateway} (by ${stoppedBy})`).join(', ')
    return problem(
      'warning',
      `Gateways are stopped: ${names}.`,
      'Run titan gateways start NAME when they may continue.',
    )
  }
  const alone = gateways.filter(({ connections, isNeeded }) => isNeeded && connections === 0)
  if (alone.length === 0) return 'No gateway is stopped, and each that payments wait for has a worker.'
  const found = `Payments wait for gateways that no connected worker names: ${alone.map(({ gateway }) => gateway).join(', ')}.`
  return problem('warning', found, 'Add them to GATEWAYS of a worker, after the gateways for new payments.')
}

/** The gateways that connected programs name: each list once, as it is in the name of the connection. */
interface ConnectedGateways {
  readonly api: readonly string[]
  readonly worker: readonly string[]
}

async function readGateways(sql: Database): Promise<ConnectedGateways> {
  const rows = await sql<{ program: 'api' | 'worker'; gateway: string }[]>`
    select distinct named[1] as program, named[2] as gateway
      from pg_stat_activity, regexp_match(application_name, '^titan-(api|worker) gateway=(.+)$') as named
     where datname = current_database() and named is not null
     order by 1, 2`
  const of = (program: string): string[] =>
    rows.filter((row) => row.program === program).map(({ gateway }) => gateway)
  return { api: of('api'), worker: of('worker') }
}

/** The API refuses what its gateways cannot charge, and reads their webhooks: they have to be the workers'. */
function judgeGateways({ api, worker }: ConnectedGateways): Result {
  if (api.length === 0 || worker.length === 0)
    return 'No API and worker are connected that both name their gateways.'
  const [known, used] = [namesIn(api), namesIn(worker)]
  // A list that is cut says nothing of the rest.
  const isCut = [...known, ...used].includes('…')
  const areSame = known.size === used.size && [...known].every((name) => used.has(name))
  if (isCut || areSame) return `APIs and workers name the same gateways: ${[...known].join(', ')}.`
  const found = `Connected APIs name the gateways ${[...known].join(', ')}, and workers ${[...used].join(', ')}.`
  const advice = 'Set GATEWAYS to the same gateways for APIs and workers.'
  return problem('warning', found, advice)
}

function namesIn(lists: readonly string[]): ReadonlySet<string> {
  return new Set(lists.flatMap((list) => list.split(',')))
}
