import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from '@titan/payments'
import type { ClientCounts } from './clients.ts'
import { FaultMaker } from './faults.ts'
import { countEnded, countUnfinished } from './quiet.ts'
import { planFaults, type Fault } from './schedule.ts'
import { runTrial, type Trial, type TrialOptions } from './trial.ts'

/** How to run chaos. */
export interface ChaosOptions extends TrialOptions {
  /** Mean time between two faults, in milliseconds. */
  readonly everyMs: number
  /** Called regularly with the progress. */
  readonly onProgress?: (progress: Progress) => void
}

/** How far a run is. */
export interface Progress {
  readonly phase: 'faults' | 'healing' | 'verifying'
  readonly elapsedMs: number
  readonly clients: Readonly<ClientCounts>
  readonly faults: number
  /** Payments that have not ended; undefined while the database is unavailable. */
  readonly unfinished: number | undefined
}

/** The result of a run. */
export type ChaosReport = Awaited<ReturnType<typeof runChaos>>

/** Starts everything, makes faults, heals them, waits until the system is quiet, and judges what is left. */
export async function runChaos(options: ChaosOptions) {
  const run: Run = { options, faults: {}, began: performance.now(), phase: 'faults' }
  const progress = setInterval(() => void reportProgress(run), PROGRESS_EVERY_MS)
  let endedUnderFaults = 0
  try {
    const report = await runTrial(
      { moves: true, ...options },
      {
        async disturb(trial) {
          run.trial = trial
          run.began = performance.now()
          await makeFaults(run, trial)
        },
        async observe({ fleet }, { sql }) {
          run.sql = sql
          endedUnderFaults = await countEnded(sql)
          await fleet.gateway.simulator()?.reset({ weights: {} })
        },
        async inspect() {
          run.phase = 'verifying'
          return []
        },
      },
    )
    const logged = run.trial?.fleet.logged
    return {
      ...report,
      /** How many faults there were of each kind. */
      faults: run.faults,
      /** Payments that ended while faults still happened. */
      endedUnderFaults,
      /** Jobs that were reclaimed from unresponsive workers. */
      reclaimed: logged?.get('job.reclaimed') ?? 0,
      /** Stale results that were discarded. */
      stale: logged?.get('result.discarded') ?? 0,
    }
  } finally {
    clearInterval(progress)
  }
}

interface Run {
  readonly options: ChaosOptions
  readonly faults: Record<string, number>
  began: number
  phase: Progress['phase']
  trial?: Trial
  /** The database without a proxy, after the last fault. */
  sql?: Database
  isAsking?: boolean
}

/** Makes the planned faults, and ends them all. */
async function makeFaults(run: Run, { fleet }: Trial): Promise<void> {
  const { options, faults, began } = run
  const maker = new FaultMaker(fleet)
  const happening: Promise<void>[] = []
  const waitUntil = (atMs: number): Promise<void> => pause(Math.max(0, began + atMs - performance.now()))
  for (const event of planFaults(options)) {
    await waitUntil(event.atMs)
    const name = nameOf(event.fault)
    faults[name] = (faults[name] ?? 0) + 1
    happening.push(maker.make(event))
  }
  await waitUntil(options.durationMs)
  run.phase = 'healing'
  await maker.heal()
  await Promise.all(happening)
}

/** Names the kind of a fault, as the report counts it. */
function nameOf(fault: Fault): string {
  return fault.type === 'network' ? `network_${fault.fault.type}` : fault.type
}

const PROGRESS_EVERY_MS = 500

async function reportProgress(run: Run): Promise<void> {
  const { options, trial, faults, began, phase } = run
  if (trial === undefined || run.isAsking === true) return
  run.isAsking = true
  // The database is closed at the end while this may still ask.
  const unfinished = run.sql && (await countUnfinished(run.sql).catch(() => undefined))
  run.isAsking = false
  options.onProgress?.({
    phase,
    elapsedMs: performance.now() - began,
    clients: trial.clients.counts,
    unfinished,
    faults: Object.values(faults).reduce((sum, count) => sum + count, 0),
  })
}
