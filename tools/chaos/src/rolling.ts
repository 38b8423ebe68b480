import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '@titan/payments'
import { createClients, type ClientCounts } from './clients.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { judge, type Verdict } from './judge.ts'
import { countUnfinished, waitUntilQuiet } from './quiet.ts'
import { PROGRAMS } from './schedule.ts'
import { buriedIn, pickupsOf, readSteps, type Stops } from './step-log.ts'
import { withStores } from './stores.ts'

/** What to do. */
export interface RollingOptions {
  readonly payments: number
  /** Over this time the payments are sent, in milliseconds. Workers are restarted until all have come to their end. */
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

/**
 * A gateway that takes fewer charges than come in, and workers that hold all that waits for it: each gives back hundreds
 * when it stops, and the others have room for them.
 */
const LOAD = {
  weights: { 'slow:400': 1 },
  env: { WORKER_CONCURRENCY: '1000', GATEWAY_MAX_CONCURRENT: '8' },
}

/** Restarts one worker after the other, again and again, until no payment is under way, and judges what is left. */
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
    return await withStores(fleet, async (sql, redis) => {
      const restarts = await restartInTurn(fleet, {
        isOver: async () => clients.counts.answered === payments && (await countUnfinished(sql)) === 0,
        withinMs: durationMs + options.quietWithinMs,
        onRestart: (worker) => options.onRestart?.(worker, clients.counts),
      })
      const isQuiet = await waitUntilQuiet({ sql, redis, paying, withinMs: options.quietWithinMs })
      giveUp.abort()
      const { ledgerPath } = fleet.gateway
      const verdict = await judge({ sql, redis, ledgerPath, told: clients.told })
      const steps = await readSteps(stepLog)
      const pickups = pickupsOf(steps, restarts.stops)
      const buried = buriedIn(steps)
      const lost = pickups.filter(({ afterMs }) => afterMs === undefined)
      const breaches = [
        ...(isQuiet ? [] : ['not quiet after the last restart']),
        ...(clients.counts.answered === payments ? [] : ['payments were never answered']),
        ...[...fleet.programs].flatMap(([id, { crashes }]) => crashes.map((crash) => `${id}: ${crash}`)),
        ...buried.map((id) => `a restart buried the job ${id}`),
        ...lost.map(({ id }) => `a job that was given back was taken by nobody: ${id}`),
        ...(await findBurned(sql)),
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
  /** Whether every payment has come to its end. */
  readonly isOver: () => Promise<boolean>
  /** Gives up after this, in milliseconds. */
  readonly withinMs: number
  readonly onRestart: (worker: string) => void
}

/** Each worker at least once, and on until all is over. */
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
    const keeper = worker && programs.get(worker)
    if (worker === undefined || keeper === undefined) break
    await keeper.current()?.ready
    stops.set(keeper.current()?.pid ?? 0, Date.now())
    await keeper.restart()
    count++
    onRestart(worker)
  }
  return { count, stops }
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
