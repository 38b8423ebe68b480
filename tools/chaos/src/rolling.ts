import type { Database } from '@titan/payments'
import type { ClientCounts } from './clients.ts'
import { countUnfinished } from './quiet.ts'
import { PROGRAMS } from './kinds.ts'
import { deadLettersIn, pickupsOf, readSteps, stepLogIn } from './step-log.ts'
import { runTrial, type Trial, type TrialOptions } from './trial.ts'

/** How to run a rolling restart. Workers are restarted until all payments have ended. */
export interface RollingOptions extends Omit<TrialOptions, 'previous'> {
  /** Called after each restart. */
  readonly onRestart?: (worker: string, clients: Readonly<ClientCounts>) => void
}

/** The result of a rolling restart. */
export type RollingReport = Awaited<ReturnType<typeof runRolling>>

/**
 * The gateway accepts charges more slowly than they arrive, and workers hold all that wait for it: each releases hundreds
 * when it stops, and the others have room for them.
 */
const LOAD = { weights: { 'slow:400': 1 }, env: { WORKER_CONCURRENCY: '1000', GATEWAY_MAX_CONCURRENT: '8' } }

/** Restarts the workers in turn until no payment is in flight, and judges what is left. */
export async function runRolling(options: RollingOptions) {
  /** When each process was asked to stop, by its id. */
  const stops = new Map<number, number>()
  let restarts = 0
  let pickups: ReturnType<typeof pickupsOf> = []
  const report = await runTrial(
    { ...options, ...LOAD, logsSteps: true },
    {
      async observe(trial, { sql }) {
        restarts = await restartInTurn(trial, options, { sql, stops })
      },
      async inspect({ folder }, { sql }) {
        const steps = await readSteps(stepLogIn(folder))
        pickups = pickupsOf(steps, stops)
        const lost = pickups.filter(({ afterMs }) => afterMs === undefined)
        return [
          ...deadLettersIn(steps).map((id) => `a restart made the job ${id} a dead letter`),
          ...lost.map(({ id }) => `no worker claimed the released job ${id}`),
          ...(await findUsedAttempts(sql)),
        ]
      },
    },
  )
  return {
    ...report,
    restarts,
    /** Jobs that stopping workers released. */
    released: pickups.length,
    /** Time from release to the next claim; undefined when no job was released. */
    pickupMs: summarize(pickups.flatMap(({ afterMs }) => afterMs ?? [])),
  }
}

/** Restarts each worker at least once, and continues until all payments have ended; returns how many times. */
async function restartInTurn(
  { fleet, clients }: Trial,
  { payments, durationMs, quietWithinMs, onRestart }: RollingOptions,
  { sql, stops }: { readonly sql: Database; readonly stops: Map<number, number> },
): Promise<number> {
  const workers = PROGRAMS.filter((id) => id.startsWith('worker'))
  const deadline = performance.now() + durationMs + quietWithinMs
  const isOver = async () => clients.counts.answered === payments && (await countUnfinished(sql)) === 0
  let count = 0
  while (count < workers.length || (performance.now() < deadline && !(await isOver()))) {
    const worker = workers[count % workers.length]
    const supervisor = worker && fleet.programs.get(worker)
    if (worker === undefined || supervisor === undefined) break
    await supervisor.current()?.ready
    stops.set(supervisor.current()?.pid ?? 0, Date.now())
    await supervisor.restart()
    count++
    onRestart?.(worker, clients.counts)
  }
  return count
}

/** Finds attempts that a restart has used up: the gateway accepts every charge here. */
async function findUsedAttempts(sql: Database): Promise<string[]> {
  const rows = await sql<{ payment: string; number: number; takeovers: number }[]>`
    select payment_id as payment, attempt_no as number, takeovers from attempt_history
     where attempt_no > 1 or takeovers > 0`
  return rows.map(
    ({ payment, number, takeovers }) => `attempt ${number} of ${payment} was reclaimed ${takeovers} times`,
  )
}

function summarize(times: readonly number[]) {
  const sorted = times.toSorted((one, other) => one - other)
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0
  return sorted.length === 0 ? undefined : { p50: at(0.5), p99: at(0.99), max: at(1) }
}
