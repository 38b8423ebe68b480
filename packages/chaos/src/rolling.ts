import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '@titan/payments'
import { createClients, type ClientCounts } from './clients.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { judge, type Verdict } from './judge.ts'
import { waitUntilQuiet } from './quiet.ts'
import { PROGRAMS } from './schedule.ts'
import { burnedIn, pickupsOf, readSteps } from './step-log.ts'
import { withStores } from './stores.ts'

/** What to do. */
export interface RollingOptions {
  readonly payments: number
  /** Over this time the payments are sent, in milliseconds. Workers are restarted until all are answered. */
  readonly durationMs: number
  readonly seed: number
  /** How long everything may take to come to its end after the last restart, in milliseconds. */
  readonly quietWithinMs: number
  /** Told of each restart when it is over. @default nobody */
  readonly onRestart?: (worker: string, clients: Readonly<ClientCounts>) => void
}

/** What a rolling restart came to. */
export interface RollingReport extends Verdict {
  readonly seed: number
  readonly clients: Readonly<ClientCounts>
  readonly restarts: number
  /** Jobs that stopping workers gave back. */
  readonly released: number
  /** From the moment a job was given back until it was claimed again; undefined when none was given back. */
  readonly pickupMs: { readonly p50: number; readonly p99: number; readonly max: number } | undefined
  /** The folder with the data, kept when there are breaches. */
  readonly folder: string
}

/** More work than the workers get done, so that each has jobs in hand when it is told to stop. */
const LOAD = { weights: { 'slow:150': 1 }, env: { WORKER_CONCURRENCY: '4' } }

/** Restarts one worker after the other, again and again, while payments are sent, and judges what is left. */
export async function runRolling(options: RollingOptions): Promise<RollingReport> {
  const { payments, durationMs, seed } = options
  const folder = await mkdtemp(join(tmpdir(), 'titan-chaos-'))
  const stepLog = join(folder, 'steps.jsonl')
  const fleet = await startFleet(folder, {
    seed,
    weights: LOAD.weights,
    env: { ...LOAD.env, CHAOS_STEP_LOG: stepLog },
  })
  const giveUp = new AbortController()
  try {
    const clients = createClients({ urls: fleet.apiUrls, payments, durationMs, seed })
    const paying = clients.run(giveUp.signal)
    const restarts = await restartInTurn(fleet, paying, (worker) =>
      options.onRestart?.(worker, clients.counts),
    )
    return await withStores(fleet, async (sql, redis) => {
      const isQuiet = await waitUntilQuiet({ sql, redis, paying, withinMs: options.quietWithinMs })
      giveUp.abort()
      const { ledgerPath } = fleet.gateway
      const verdict = await judge({ sql, redis, ledgerPath, told: clients.told })
      const steps = await readSteps(stepLog)
      const pickups = pickupsOf(steps)
      const burned = burnedIn(steps)
      const lost = pickups.filter(({ afterMs }) => afterMs === undefined)
      const selfish = pickups.filter(({ afterMs, isByOther }) => afterMs !== undefined && !isByOther)
      const breaches = [
        ...(isQuiet ? [] : ['not quiet after the last restart']),
        ...(clients.counts.answered === payments ? [] : ['payments were never answered']),
        ...[...fleet.programs].flatMap(([id, { crashes }]) => crashes.map((crash) => `${id}: ${crash}`)),
        ...burned.map((id) => `a restart used up an attempt of the job ${id}`),
        ...lost.map(({ id }) => `a job that was given back was taken by nobody: ${id}`),
        ...selfish.map(({ id }) => `a worker took again what it had given back: ${id}`),
        ...(await findBurned(sql)),
        ...clients.breaches,
        ...verdict.breaches,
      ]
      if (breaches.length === 0) await rm(folder, { recursive: true, force: true })
      return {
        ...{ ...verdict, seed, clients: clients.counts, restarts, folder, breaches },
        released: pickups.length,
        pickupMs: summarize(pickups.flatMap(({ afterMs }) => (afterMs === undefined ? [] : [afterMs]))),
      }
    })
  } finally {
    giveUp.abort()
    await fleet.close()
  }
}

/** Each worker at least once, and on until every client is answered. */
async function restartInTurn(
  { programs }: Fleet,
  paying: Promise<void>,
  onRestart: (worker: string) => void,
): Promise<number> {
  const workers = PROGRAMS.filter((id) => id.startsWith('worker'))
  let restarts = 0
  let isPaid = false
  const paid = paying.then(() => (isPaid = true))
  while (!isPaid || restarts < workers.length) {
    const worker = workers[restarts % workers.length]
    if (worker === undefined) break
    await programs.get(worker)?.restart()
    restarts++
    onRestart(worker)
  }
  await paid
  return restarts
}

/** The gateway takes every charge here: a second attempt, or one taken over, is a restart's doing. */
async function findBurned(sql: Database): Promise<string[]> {
  const rows = await sql<{ payment: string; number: number; takeovers: number }[]>`
    select payment_id as payment, attempt_no as number, takeovers from payment_attempts
     where attempt_no > 1 or takeovers > 0`
  return rows.map(
    ({ payment, number, takeovers }) => `attempt ${number} of ${payment} was taken over ${takeovers} times`,
  )
}

function summarize(times: readonly number[]): RollingReport['pickupMs'] {
  const sorted = times.toSorted((one, other) => one - other)
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0
  return sorted.length === 0 ? undefined : { p50: at(0.5), p99: at(0.99), max: at(1) }
}
