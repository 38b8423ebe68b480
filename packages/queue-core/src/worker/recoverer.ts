import * as broker from '../redis/commands.ts'
import type { Lane } from './lease-table.ts'
import { startLoop, type Loop } from '../async/loop.ts'
import { passStep } from '../async/steps.ts'

const JANITOR_EVERY_MS = 60_000
/** A consumer that did not even try to read for so long is gone; a stalled one that comes back is made anew by its read. */
const CONSUMER_IDLE_MS = 15 * 60_000
const MAX_COUNT = 100
const SCAN_START = ['-', '-', '-']
/** Longest wait for demand, should its signal be missed. */
const DEMAND_WITHIN_MS = 1_000

/** The loop that recovers jobs. */
export interface Recoverer extends Loop {
  /** Its turn has come: the reader claims nothing until it has looked. */
  readonly isDue: boolean
  /** It waits for demand. */
  readonly waiting: boolean
}

/**
 * Takes over jobs whose worker died, stalled or released them, as many as this worker can run. When nothing can be
 * taken now, the next demand is the recoverer's: beside a backlog of new jobs there would never be any left for it.
 */
export function startRecoverer(lane: Lane, demand: () => number): Recoverer {
  const { part, owner, emit } = lane
  const intervalMs = Math.min(5_000, Math.max(50, owner.visibilityMs / 5))
  // A worker that starts tidies up first: what was stuck need not wait for another minute.
  let tidiedAt = -Infinity
  let state: 'resting' | 'waiting' | 'scanning' = 'resting'
  // One pass over the whole list of pending entries, page by page: what has expired must not wait behind what has not.
  let cursors = SCAN_START

  async function runOnce(): Promise<number> {
    const want = lane.pausing.isPaused ? 0 : Math.min(MAX_COUNT, demand())
    state = lane.pausing.isPaused ? 'resting' : want < 1 ? 'waiting' : 'scanning'
    if (state !== 'scanning') return Math.min(intervalMs, DEMAND_WITHIN_MS)
    try {
      await scan(want)
    } finally {
      state = 'resting'
      lane.onChange()
    }
    if (cursors.some((cursor) => cursor !== '+')) return 1
    cursors = SCAN_START
    await tidy()
    return intervalMs * (0.75 + Math.random() / 2)
  }

  async function scan(want: number): Promise<void> {
    const reply = await broker.reclaim(part.connection, part.keys, owner, want, cursors, lane.lastChance())
    cursors = reply.cursors
    if (reply.isGroupMissing && (await broker.createGroup(part.connection, part.keys, owner.group)))
      emit({ type: 'groupCreated', queue: part.keys.base })
    if (reply.gone.length > 0) emit({ type: 'entriesVanished', entryIds: reply.gone })
    lane.releaseOrphans(reply.own)
    if (reply.taken.length === 0) return
    passStep('queue.reclaimed', () => reply.taken.map(({ job, entryId }) => job?.meta.id ?? entryId))
    await lane.acceptReclaimed(reply.taken, performance.now())
  }

  async function tidy(): Promise<void> {
    if (performance.now() - tidiedAt < JANITOR_EVERY_MS) return
    tidiedAt = performance.now()
    if (!(await broker.mayTidy(part.connection, part.keys, owner.consumer, JANITOR_EVERY_MS))) return
    await broker.forgetConsumers(part.connection, part.keys, owner.group, '', CONSUMER_IDLE_MS)
    await broker.unpark(part.connection, part.fixed)
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
    get waiting() {
      return state === 'waiting'
    },
  }
}
