import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from '@titan/payments'
import type { Redis } from '@titan/service'
import { Clients, type ClientCounts } from './clients.ts'
import { FaultMaker } from './faults.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { judge, type Verdict } from './judge.ts'
import { countEnded, countUnfinished, waitUntilQuiet } from './quiet.ts'
import { planFaults, type Event, type Fault } from './schedule.ts'
import { withStores } from './stores.ts'

/** How to run chaos. */
export interface ChaosOptions {
  readonly payments: number
  /** For how long payments are sent and faults happen, in milliseconds. */
  readonly durationMs: number
  /** Mean time between two faults, in milliseconds. */
  readonly everyMs: number
  readonly seed: number
  /** How long the system may take to become quiet after the last fault, in milliseconds. */
  readonly quietWithinMs: number
  /** Checkout of another version, which runs the second API and the second worker. @default none */
  readonly previous?: string | undefined
  /** Called when a fault begins. */
  readonly onFault?: (event: Event) => void
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
export interface ChaosReport extends Verdict {
  readonly seed: number
  readonly clients: Readonly<ClientCounts>
  /** How many faults there were of each kind. */
  readonly faults: Readonly<Record<string, number>>
  /** Jobs that were reclaimed from unresponsive workers. */
  readonly reclaimed: number
  /** Stale results that were discarded. */
  readonly stale: number
  /** Payments that ended while faults still happened. */
  readonly endedUnderFaults: number
  /** From the last fault until nothing was left to do, in milliseconds; undefined when that was never reached. */
  readonly quietAfterMs: number | undefined
  /** The folder with the data, kept when there are breaches. */
  readonly folder: string
}

/** Starts everything, makes faults, heals them, waits until the system is quiet, and judges what is left. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const folder = await mkdtemp(join(tmpdir(), 'titan-chaos-'))
  const fleet = await startFleet(folder, { seed: options.seed, previous: options.previous })
  const clients = new Clients({ ...options, urls: fleet.apiUrls })
  const run: Run = { options, fleet, clients, faults: {}, began: performance.now(), phase: 'faults' }
  const progress = watchProgress(run)
  const giveUp = new AbortController()
  try {
    const paying = clients.run(giveUp.signal)
    await makeFaults(run)
    const report = await withStores(fleet, async (sql, redis) => {
      run.sql = sql
      const endedUnderFaults = await countEnded(sql)
      await fleet.gateway.simulator()?.reset({ weights: {} })
      const quietAfterMs = await calmDown(run, { sql, redis, paying })
      giveUp.abort()
      await paying
      run.phase = 'verifying'
      const ledgerPath = fleet.gateway.ledgerPath
      const verdict = await judge({ sql, redis, ledgerPath, accepted: clients.accepted })
      return reportOf(run, verdict, { quietAfterMs, endedUnderFaults, folder })
    })
    return report
  } finally {
    giveUp.abort()
    progress.stop()
    await fleet.close()
  }
}

interface Run {
  readonly options: ChaosOptions
  readonly fleet: Fleet
  readonly clients: Clients
  readonly faults: Record<string, number>
  readonly began: number
  phase: Progress['phase']
  /** The database without a proxy, after the last fault. */
  sql?: Database
}

/** Makes the planned faults, and ends them all. */
async function makeFaults(run: Run): Promise<void> {
  const { options, fleet, faults, began } = run
  const maker = new FaultMaker(fleet)
  const happening: Promise<void>[] = []
  const waitUntil = (atMs: number): Promise<void> => pause(Math.max(0, began + atMs - performance.now()))
  for (const event of planFaults(options)) {
    await waitUntil(event.atMs)
    const name = nameOf(event.fault)
    faults[name] = (faults[name] ?? 0) + 1
    options.onFault?.(event)
    happening.push(maker.make(event))
  }
  await waitUntil(options.durationMs)
  run.phase = 'healing'
  await maker.heal()
  await Promise.all(happening)
}

/** Waits until nothing is left to do; returns undefined when that takes too long. */
async function calmDown(
  { options }: Run,
  stores: { readonly sql: Database; readonly redis: Redis; readonly paying: Promise<void> },
): Promise<number | undefined> {
  const from = performance.now()
  const isQuiet = await waitUntilQuiet({ ...stores, withinMs: options.quietWithinMs })
  return isQuiet ? Math.round(performance.now() - from) : undefined
}

async function reportOf(
  { options, clients, faults, fleet }: Run,
  verdict: Verdict,
  found: Pick<ChaosReport, 'quietAfterMs' | 'endedUnderFaults' | 'folder'>,
): Promise<ChaosReport> {
  const { payments, seed, quietWithinMs } = options
  const { quietAfterMs, folder } = found
  const { counts } = clients
  const crashes = [...fleet.programs].flatMap(([id, supervisor]) =>
    supervisor.crashes.map((crash) => `${id} ended by itself: ${crash}`),
  )
  const breaches = [
    ...(quietAfterMs === undefined
      ? [`not quiet within ${quietWithinMs / 1_000} s after the last fault`]
      : []),
    ...(counts.answered === payments ? [] : [`${payments - counts.answered} payments were never answered`]),
    ...crashes,
    ...clients.breaches,
    ...verdict.breaches,
  ]
  if (breaches.length === 0) await rm(folder, { recursive: true, force: true })
  return {
    ...verdict,
    ...found,
    seed,
    faults,
    clients: counts,
    breaches,
    reclaimed: fleet.logged.get('job.reclaimed') ?? 0,
    stale: fleet.logged.get('result.discarded') ?? 0,
  }
}

/** The kind of a fault, as the report counts it. */
function nameOf(fault: Fault): string {
  return fault.type === 'network' ? `network_${fault.fault.type}` : fault.type
}

const PROGRESS_EVERY_MS = 500

function watchProgress(run: Run): { stop(): void } {
  const { options, clients, faults, began } = run
  let isAsking = false

  async function report(): Promise<void> {
    if (isAsking) return
    isAsking = true
    // The database is closed at the end while this may still ask.
    const unfinished = run.sql && (await countUnfinished(run.sql).catch(() => undefined))
    isAsking = false
    options.onProgress?.({
      phase: run.phase,
      elapsedMs: performance.now() - began,
      clients: clients.counts,
      unfinished,
      faults: Object.values(faults).reduce((sum, count) => sum + count, 0),
    })
  }

  const timer = setInterval(() => void report(), PROGRESS_EVERY_MS)
  return { stop: () => clearInterval(timer) }
}
