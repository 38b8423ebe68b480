import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from '@titan/payments'
import type { ClientCounts } from './clients.ts'
import { FaultMaker } from './faults.ts'
import type { Fleet } from './fleet.ts'
import { gapsByFault, longestGap } from './gaps.ts'
import { countEnded, countUnfinished } from './quiet.ts'
import { planFaults, planTurns } from './schedule.ts'
import type { Topology } from './stores/store.ts'
import { runTrial, type Trial, type TrialOptions } from './trial.ts'

/** How to run chaos. */
export interface ChaosOptions extends TrialOptions {
  readonly on: Topology
  /** How many gateways there are, 1 or 2. @default 1 */
  readonly gateways?: number | undefined
  /** How many accounts pay. @default 1 */
  readonly accounts?: number | undefined
  /** Whether faults may overlap. Otherwise one follows the other, after everything is up again. */
  readonly mixed: boolean
  /** Types of the faults that follow each other. @default all */
  readonly only?: readonly string[] | undefined
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
  const run: Run = { options, began: performance.now(), phase: 'faults' }
  const progress = setInterval(() => void reportProgress(run), PROGRESS_EVERY_MS)
  let endedUnderFaults = 0
  let endedAt: readonly number[] = []
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
          for (const gateway of fleet.gateways) await gateway.simulator()?.reset({ weights: {} })
        },
        async inspect(_trial, { sql }) {
          run.phase = 'verifying'
          endedAt = await readEnds(sql)
          return []
        },
      },
    )
    const logged = run.trial?.fleet.logged
    return {
      ...report,
      /** How many faults there were of each kind. */
      faults: countFaults(run),
      ...findGaps(run, endedAt),
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
  began: number
  phase: Progress['phase']
  trial?: Trial
  maker?: FaultMaker
  /** The database without a proxy, after the last fault. */
  sql?: Database
  isAsking?: boolean
}

/** Makes the planned faults, and ends them all. */
async function makeFaults(run: Run, { fleet }: Trial): Promise<void> {
  const { options, began } = run
  const maker = new FaultMaker(fleet)
  run.maker = maker
  await (options.mixed ? mixFaults(run, maker) : takeTurns(run, maker, fleet))
  await waitUntil(began + options.durationMs)
  run.phase = 'healing'
  await maker.heal()
}

async function mixFaults({ options, began }: Run, maker: FaultMaker): Promise<void> {
  for (const event of planFaults(options)) {
    await waitUntil(began + event.atMs)
    void maker.make(event)
  }
}

/** Time after each fault, so that what it leaves behind is not taken for the next one's. */
const REST_MS = 6_000
/** The last fault ends within the load, whose clients show for how long. */
const LAST_FAULT_MS = 25_000

async function takeTurns({ options, began }: Run, maker: FaultMaker, fleet: Fleet): Promise<void> {
  const lastAt = began + options.durationMs - LAST_FAULT_MS
  for (const turn of planTurns({ ...options, only: options.only })) {
    await pause(REST_MS)
    if (performance.now() > lastAt) return
    await maker.make(turn)
    for (const program of fleet.programs.values()) await program.whenReady()
  }
}

function waitUntil(at: number): Promise<void> {
  return pause(Math.max(0, at - performance.now()))
}

function countFaults({ maker }: Run): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { fault } of maker?.spans ?? []) counts[fault] = (counts[fault] ?? 0) + 1
  return counts
}

/** Finds how long no payment was accepted, and how long none ended, between the first and the last one accepted. */
function findGaps({ trial, maker }: Run, allEndedAt: readonly number[]) {
  const spans = maker?.spans ?? []
  const accepted = trial?.clients.acceptedAt ?? []
  const [first = 0, last = 0] = [accepted.at(0), accepted.at(-1)]
  const ended = [first, ...allEndedAt.filter((at) => at > first && at < last), last]
  return {
    /** The longest times of all. */
    gaps: { accepted: longestGap(accepted, spans), ended: longestGap(ended, spans) },
    /** The longest ones under each kind of fault, in milliseconds. */
    gapsByFault: { accepted: gapsByFault(accepted, spans), ended: gapsByFault(ended, spans) },
  }
}

/** Reads when payments came to their end, in epoch milliseconds; all clocks are those of this machine. */
async function readEnds(sql: Database): Promise<number[]> {
  const rows = await sql<{ at: number }[]>`
    select (extract(epoch from at) * 1000)::float8 as at from payment_history
     where to_status in ('SUCCESS', 'FAILED')`
  return rows.map(({ at }) => at)
}

const PROGRESS_EVERY_MS = 500

async function reportProgress(run: Run): Promise<void> {
  const { options, trial, maker, began, phase } = run
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
    faults: maker?.spans.length ?? 0,
  })
}
