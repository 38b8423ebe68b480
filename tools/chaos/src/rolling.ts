import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '@titan/payments'
import { Clients, type ClientCounts } from './clients.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { judge, type Verdict } from './judge.ts'
import { countUnfinished, waitUntilQuiet } from './quiet.ts'
import { PROGRAMS } from './schedule.ts'
import { deadLettersIn, pickupsOf, readSteps, type Stops } from './step-log.ts'
import { withStores } from './stores.ts'

/** How to run a rolling restart. */
export interface RollingOptions {
  readonly payments: number
  /** Over this time the payments are sent, in milliseconds. Workers are restarted until all have ended. */
  readonly durationMs: number
  readonly seed: number
  /** How long the system may take to become quiet after the last restart, in milliseconds. */
  readonly quietWithinMs: number
  /** Called after each restart. */
  readonly onRestart?: (worker: string, clients: Readonly<ClientCounts>) => void
}

/** The result of a rolling restart. */
export interface RollingReport extends Verdict {
  readonly seed: number
  readonly clients: Readonly<ClientCounts>
  readonly restarts: number
  /** Jobs that stopping workers released. */
  readonly released: number
  /** Time from release to the next claim; undefined when no job was released. */
  readonly pickupMs: { readonly p50: number; readonly p99: number; readonly max: number } | undefined
  /** The folder with the data, kept when there are breaches. */
  readonly folder: string
}

/**
 * The gateway accepts charges more slowly than they arrive, and workers hold all that wait for it: each releases hundreds
 * when it stops, and the others have room for them.
 */
const LOAD = { weights: { 'slow:400': 1 }, env: { WORKER_CONCURRENCY: '1000', GATEWAY_MAX_CONCURRENT: '8' } }

/** Restarts the workers in turn until no payment is in flight, and judges what is left. */
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
    const clients = new Clients({ urls: fleet.apiUrls, payments, durationMs, seed })
    const paying = clients.run(giveUp.signal)
    return await withStores(fleet, async (sql, redis) => {
      const restarts = await restartInTurn(fleet, {
        isOver: async () => clients.counts.answered === payments && (await countUnfinished(sql)) === 0,
        withinMs: durationMs + options.quietWithinMs,
        onRestart: (worker) => options.onRestart?.(worker, clients.counts),
      })
      const isQuiet = await waitUntilQuiet({ sql, redis, paying, withinMs: options.quietWithinMs })
      giveUp.abort()
      const { ledgerPath } = fleet.gateway
      const verdict = await judge({ sql, redis, ledgerPath, accepted: clients.accepted })
      const steps = await readSteps(stepLog)
      const pickups = pickupsOf(steps, restarts.stops)
      const lost = pickups.filter(({ afterMs }) => afterMs === undefined)
      const breaches = [
        ...(isQuiet ? [] : ['not quiet after the last restart']),
        ...(clients.counts.answered === payments ? [] : ['payments were never answered']),
        ...[...fleet.programs].flatMap(([id, { crashes }]) => crashes.map((crash) => `${id}: ${crash}`)),
        ...deadLettersIn(steps).map((id) => `a restart made the job ${id} a dead letter`),
        ...lost.map(({ id }) => `no worker claimed the released job ${id}`),
        ...(await findUsedAttempts(sql)),
        ...clients.breaches,
        ...verdict.breaches,
      ]
      if (breaches.length === 0) await rm(folder, { recursive: true, force: true })
      return {
        ...verdict,
        seed,
        clients: clients.counts,
        restarts: restarts.count,
        folder,
        breaches,
        released: pickups.length,
        pickupMs: summarize(pickups.flatMap(({ afterMs }) => (afterMs === undefined ? [] : [afterMs]))),
      }
    })
  } finally {
    giveUp.abort()
    await fleet.close()
  }
}

interface Turns {
  /** Whether every payment has ended. */
  readonly isOver: () => Promise<boolean>
  /** Gives up after this, in milliseconds. */
  readonly withinMs: number
  readonly onRestart: (worker: string) => void
}

/** Restarts each worker at least once, and continues until all payments have ended. */
async function restartInTurn(
  { programs }: Fleet,
  { isOver, withinMs, onRestart }: Turns,
): Promise<{ readonly count: number; readonly stops: Stops }> {
  const workers = PROGRAMS.filter((id) => id.startsWith('worker'))
  const stops = new Map<number, number>()
  const deadline = performance.now() + withinMs
  let count = 0
  while (count < workers.length || (performance.now() < deadline && !(await isOver()))) {
    const worker = workers[count % workers.length]
    const supervisor = worker && programs.get(worker)
    if (worker === undefined || supervisor === undefined) break
    await supervisor.current()?.ready
    stops.set(supervisor.current()?.pid ?? 0, Date.now())
    await supervisor.restart()
    count++
    onRestart(worker)
  }
  return { count, stops }
}

/** Finds attempts that a restart has used up: the gateway accepts every charge here. */
async function findUsedAttempts(sql: Database): Promise<string[]> {
  const rows = await sql<{ payment: string; number: number; takeovers: number }[]>`
    select payment_id as payment, attempt_no as number, takeovers from payment_attempts
     where attempt_no > 1 or takeovers > 0`
  return rows.map(
    ({ payment, number, takeovers }) => `attempt ${number} of ${payment} was reclaimed ${takeovers} times`,
  )
}

function summarize(times: readonly number[]): RollingReport['pickupMs'] {
  const sorted = times.toSorted((one, other) => one - other)
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0
  return sorted.length === 0 ? undefined : { p50: at(0.5), p99: at(0.99), max: at(1) }
}
