import * as commands from '../redis/commands.ts'
import type { LeaseTable } from './lease-table.ts'
import { startLoop, type Loop } from '../async/loop.ts'

const JANITOR_EVERY_MS = 60_000
/** A consumer that did not try to read for so long is gone; one that was stalled and comes back is recreated by its read. */
const CONSUMER_IDLE_MS = 15 * 60_000
const MAX_COUNT = 100
/** Cursors, by level, of a pass over all pending entries. */
export const SCAN_START: readonly string[] = ['-', '-', '-']
/** Longest wait for demand, should its signal be missed. */
const DEMAND_WITHIN_MS = 1_000

/** The loop that recovers jobs. */
export interface Recoverer extends Loop {
  /** Its turn has come: the reader claims nothing until it has looked. */
  readonly isDue: boolean
  /** Whether it waits for demand. */
  readonly isWaiting: boolean
}

/** Returns whether a pass has looked at all pending entries. */
export function isScanOver(cursors: readonly string[]): boolean {
  return cursors.every((cursor) => cursor === '+')
}

/**
 * Reclaims jobs whose worker died, stalled or released them, as many as this worker can run. When nothing can be
 * reclaimed now, the next demand is the recoverer's: a backlog of new jobs would leave none for it.
 * `onScanned` is called after each page.
 */
export function startRecoverer(leases: LeaseTable, demand: () => number, onScanned: () => void): Recoverer {
  const { part, settings, emit } = leases
  const intervalMs = Math.min(5_000, Math.max(50, settings.visibilityMs / 5))
  // A worker that starts tidies up first: what was stuck need not wait for another minute.
  let tidiedAt = -Infinity
  let state: 'resting' | 'waiting' | 'scanning' = 'resting'
  // One pass over the whole list of pending entries, page by page: what has expired must not wait behind what has not.
  let cursors = SCAN_START

  async function runOnce(): Promise<number> {
    const { isPaused } = leases.pauseState
    const want = isPaused ? 0 : Math.min(MAX_COUNT, demand())
    state = isPaused ? 'resting' : want < 1 ? 'waiting' : 'scanning'
    if (state !== 'scanning') return Math.min(intervalMs, DEMAND_WITHIN_MS)
    try {
      cursors = await leases.reclaim(want, cursors)
    } finally {
      state = 'resting'
      onScanned()
    }
    if (!isScanOver(cursors)) return 1
    cursors = SCAN_START
    await tidy()
    return intervalMs * (0.75 + Math.random() / 2)
  }

  async function tidy(): Promise<void> {
    if (performance.now() - tidiedAt < JANITOR_EVERY_MS) return
    tidiedAt = performance.now()
    if (!(await commands.mayTidy(part, settings.consumer, JANITOR_EVERY_MS))) return
    await commands.forgetConsumers(part, settings.group, '', CONSUMER_IDLE_MS)
    await commands.unpark(part)
  }

  const loop = startLoop(runOnce, (error) => {
    cursors = SCAN_START
    emit({ type: 'error', error, during: 'reclaim' })
  })
  return {
    ...loop,
    get isDue() {
      return state !== 'resting'
    },
    get isWaiting() {
      return state === 'waiting'
    },
  }
}
