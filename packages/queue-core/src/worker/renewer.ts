import * as broker from '../redis/commands.ts'
import type { Held } from './held-lease.ts'
import type { Lane } from './lease-table.ts'
import { errorDelay, startLoop, type Loop } from '../async/loop.ts'

const BATCH = 500
/** Share of the visibility timeout after which a lease that could not be renewed counts as lost here, so that
 * our run is aborted before another worker may begin its own. */
const GIVE_UP = 0.9

/** Renews the leases of one lane, three times per visibility timeout, and aborts the runs of those that are lost. */
export function startRenewer(lane: Lane): Loop {
  const { part, owner, emit } = lane
  // A lease whose end cannot be stored must run out in the end: it is not renewed any more.
  const dueAt = (held: Held): number => (held.settling ? Infinity : held.renewedAt + held.visibilityMs / 3)

  async function runOnce(): Promise<number> {
    const now = performance.now()
    const due: Held[] = []
    // A lease a little before its time goes along, so that renewals gather into few calls.
    for (const held of lane.held.values())
      if (dueAt(held) - now < held.visibilityMs / 12 || isFirstOfShort(held)) due.push(held)
    for (let from = 0; from < due.length; from += BATCH) await renewBatch(due.slice(from, from + BATCH))
    let next = owner.visibilityMs / 3
    const after = performance.now()
    for (const held of lane.held.values()) next = Math.min(next, dueAt(held) - after)
    return Math.max(1, next)
  }

  /** The server lets a new entry idle for the queue's timeout; a job with a shorter one says so by its first renewal. */
  function isFirstOfShort(held: Held): boolean {
    return (
      held.visibilityMs < owner.visibilityMs && held.renewedAt === held.claimedAt && dueAt(held) < Infinity
    )
  }

  async function renewBatch(batch: readonly Held[]): Promise<void> {
    const sentAt = performance.now()
    const { lost, paused } = await broker.renew(
      part.connection,
      part.keys,
      owner,
      batch.map(({ level, entryId, deliveryCount, visibilityMs }) => {
        return { level, entryId, deliveryCount, idleMs: Math.max(0, owner.visibilityMs - visibilityMs) }
      }),
    )
    const gone = new Set(lost)
    for (const [index, held] of batch.entries()) {
      if (!gone.has(index)) held.renewedAt = sentAt
      // A lease that was settled meanwhile is not lost.
      else if (lane.held.has(held)) loseUnlessSettling(held)
    }
    lane.pausing.answer(paused, sentAt)
  }

  function loseUnlessSettling(held: Held): void {
    if (held.settling) return
    lane.lose(held)
  }

  /** Goes on beside the renewals: one that gets no answer must not hold up the abort. */
  function loseExpired(): Promise<number> {
    const now = performance.now()
    let next = owner.visibilityMs / 3
    for (const held of lane.held) {
      const left = held.renewedAt + held.visibilityMs * GIVE_UP - now
      if (left <= 0) loseUnlessSettling(held)
      else next = Math.min(next, left)
    }
    return Promise.resolve(Math.max(1, next))
  }

  const onError = (error: unknown): void => emit({ type: 'error', error, during: 'renew' })
  const renewing = startLoop(runOnce, onError, {
    firstDelayMs: owner.visibilityMs / 3,
    errorDelayMs: (failures) => errorDelay(failures, owner.visibilityMs / 10),
  })
  const watching = startLoop(loseExpired, onError, { firstDelayMs: owner.visibilityMs / 3 })
  return {
    wake() {
      renewing.wake()
      watching.wake()
    },
    async stop() {
      await Promise.all([renewing.stop(), watching.stop()])
    },
  }
}
