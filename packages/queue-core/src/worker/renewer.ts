import type { HeldLease } from './held-lease.ts'
import type { LeaseTable } from './lease-table.ts'
import { errorDelay, startLoop, type Loop } from '../async/loop.ts'

/** Share of the visibility timeout after which a lease that could not be renewed counts as lost here, so that our run
 * is aborted before another worker may begin its own. */
const GIVE_UP = 0.9

/** Returns when a lease is to be renewed. One whose end cannot be stored must expire: it is not renewed any more. */
function dueAt(lease: HeldLease): number {
  return lease.settling ? Infinity : lease.renewedAt + lease.visibilityMs / 3
}

/** Returns whether a lease needs its first renewal: Redis lets a new entry idle for the queue's timeout, and learns of a shorter one by it. */
export function isFirstOfShort(lease: HeldLease, visibilityMs: number): boolean {
  return lease.visibilityMs < visibilityMs && lease.renewedAt === lease.claimedAt && !lease.settling
}

/** Renews leases three times per visibility timeout, and aborts the runs of those that are lost. */
export function startRenewer(leases: LeaseTable): Loop {
  const { visibilityMs } = leases.settings
  const firstDelayMs = visibilityMs / 3

  async function renewDue(): Promise<number> {
    const now = performance.now()
    const due: HeldLease[] = []
    // A lease that is almost due is renewed too, so that renewals gather into few calls.
    for (const lease of leases.held)
      if (dueAt(lease) - now < lease.visibilityMs / 12 || isFirstOfShort(lease, visibilityMs)) due.push(lease)
    await leases.renew(due)
    let nextMs = visibilityMs / 3
    const after = performance.now()
    for (const lease of leases.held) nextMs = Math.min(nextMs, dueAt(lease) - after)
    return Math.max(1, nextMs)
  }

  /** Runs apart from the renewals: one that gets no answer must not hold up the abort. */
  function loseExpired(): Promise<number> {
    const now = performance.now()
    let nextMs = visibilityMs / 3
    for (const lease of leases.held) {
      const leftMs = lease.renewedAt + lease.visibilityMs * GIVE_UP - now
      if (leftMs > 0) nextMs = Math.min(nextMs, leftMs)
      else if (!lease.settling) leases.lose(lease)
    }
    return Promise.resolve(Math.max(1, nextMs))
  }

  const onError = (error: unknown): void => leases.emit({ type: 'error', error, during: 'renew' })
  const errorDelayMs = (failures: number): number => errorDelay(failures, visibilityMs / 10)
  const renewing = startLoop(renewDue, onError, { firstDelayMs, errorDelayMs })
  const watching = startLoop(loseExpired, onError, { firstDelayMs })
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
