import type { PaymentStore } from '../store/store.ts'
import type { HeldClaim } from '../store/claim.ts'

interface HoldLeaseOptions {
  readonly store: Pick<PaymentStore, 'renew'>
  readonly claim: HeldClaim
  readonly leaseMs: number
  readonly now: () => number
  /** `now()` from before the claim was asked for: the lease cannot have begun earlier. */
  readonly claimedAt: number
  readonly onError: (error: unknown) => void
}

export interface HeldLease {
  /** Aborts when the lease is lost or has run out. */
  readonly signal: AbortSignal
  /** Milliseconds that are certainly left, by the monotonic clock of this process. */
  remainingMs(): number
  /** Renews it now; resolves when that is done, has failed, or the lease is over. */
  extend(): Promise<void>
  /** Stops keeping it; the settlement ends the lease itself. Idempotent. */
  stop(): void
}

/**
 * Renews a lease every third of its length. The local deadline counts from before the statement that set the lease, so
 * it always ends before the database's, whatever the clocks say.
 */
export function holdLease({ store, claim, leaseMs, claimedAt, now, onError }: HoldLeaseOptions): HeldLease {
  const controller = new AbortController()
  let deadline = claimedAt + leaseMs
  let isStopped = false
  let renewal: NodeJS.Timeout
  let expiry = expireAtDeadline()
  renewAfter(leaseMs / 3)

  function expireAtDeadline(): NodeJS.Timeout {
    return setTimeout(() => end('the lease has run out'), Math.max(0, deadline - now()))
  }

  function renewAfter(delayMs: number): void {
    renewal = setTimeout(() => void keep(), delayMs)
  }

  function end(reason: string): void {
    stop()
    controller.abort(new Error(reason))
  }

  async function keep(): Promise<void> {
    try {
      const askedAt = now()
      const isHeld = await store.renew(claim, leaseMs)
      if (isStopped) return
      if (!isHeld) return end('the lease was lost')
      deadline = askedAt + leaseMs
      clearTimeout(expiry)
      expiry = expireAtDeadline()
      renewAfter(leaseMs / 3)
    } catch (error) {
      onError(error)
      // The deadline stands: without a renewal the call is aborted in time.
      if (!isStopped) renewAfter(leaseMs / 6)
    }
  }

  async function extend(): Promise<void> {
    if (isStopped) return
    clearTimeout(renewal)
    const over = Promise.withResolvers<void>()
    controller.signal.addEventListener('abort', () => over.resolve(), { once: true })
    await Promise.race([keep(), over.promise])
  }

  function stop(): void {
    isStopped = true
    clearTimeout(expiry)
    clearTimeout(renewal)
  }

  return { signal: controller.signal, remainingMs: () => deadline - now(), extend, stop }
}
