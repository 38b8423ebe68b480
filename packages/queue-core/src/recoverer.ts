import * as broker from './broker.ts'
import type { Lane } from './lane.ts'
import { startLoop, type Loop } from './loop.ts'

const JANITOR_EVERY_MS = 60_000
/** A consumer that did not even try to read for so long is gone; a stalled one that comes back is made anew by its read. */
const CONSUMER_IDLE_MS = 15 * 60_000
const MAX_COUNT = 100

/** Takes over jobs whose worker died, stalled or released them, as many as this worker can run. */
export function startRecoverer(lane: Lane, demand: () => number): Loop {
  const { part, owner, emit } = lane
  const intervalMs = Math.min(5_000, Math.max(50, owner.visibilityMs / 5))
  let tidiedAt = performance.now()

  async function runOnce(): Promise<number> {
    // One pass over the whole list of pending entries, page by page: what has expired must not wait behind what has not.
    let cursors = ['-', '-', '-']
    do {
      const want = lane.paused ? 0 : Math.min(MAX_COUNT, demand())
      if (want < 1) break
      const reply = await broker.reclaim(part.connection, part.keys, owner, want, cursors)
      cursors = reply.cursors
      if (reply.gone.length > 0) emit({ type: 'entriesVanished', entryIds: reply.gone })
      lane.releaseOrphans(reply.own)
      if (reply.taken.length > 0) await lane.acceptReclaimed(reply.taken, performance.now())
      if (reply.taken.length === want) return 1
    } while (cursors.some((cursor) => cursor !== '+'))
    await tidy()
    return intervalMs * (0.75 + Math.random() / 2)
  }

  async function tidy(): Promise<void> {
    if (performance.now() - tidiedAt < JANITOR_EVERY_MS) return
    tidiedAt = performance.now()
    await broker.forgetConsumers(part.connection, part.keys, owner.group, '', CONSUMER_IDLE_MS)
  }

  return startLoop(runOnce, (error) => {
    // The reader makes a missing group anew; until then there is nothing to recover.
    if (error instanceof Error && error.message.includes('NOGROUP')) return
    emit({ type: 'error', error, during: 'reclaim' })
  })
}
