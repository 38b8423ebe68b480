import type { Claim } from '../domain/claim.ts'
import type { PaymentStore } from '../store/store.ts'

/** A claim that is being kept alive. */
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

/** Options of {@link holdLease}. */
export interface HoldLeaseOptions {
  readonly store: Pick<PaymentStore, 'renew'>
  readonly claim: Pick<Claim, 'paymentId' | 'fence'>
  readonly leaseMs: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** `now()` from before the claim was asked for: the lease cannot have begun earlier. */
  readonly claimedAt: number
  readonly onError: (error: unknown) => void
}

/**
 * Renews a lease every third of its length. The local deadline counts from before the statement that set the lease, so
 * it always ends before the database's, whatever the clocks say.
 */
export function holdLease({ store, claim, leaseMs, claimedAt, now, onError }: HoldLeaseOptions): HeldLease {
  const controller = new AbortController()
  let deadline = claimedAt + leaseMs
  let isStopped = false
  let expiry = setTimeout(expire, Math.max(0, deadline - now()))
  let renewal = setTimeout(() => void keep(), leaseMs / 3)

  function expire(): void {
    stop()
    controller.abort(new Error('the lease has run out'))
  }

  function lose(): void {
    stop()
    controller.abort(new Error('the lease was lost'))
  }

  async function renew(): Promise<void> {
    const askedAt = now()
    const isHeld = await store.renew(claim, leaseMs)
    if (isStopped) return
    if (!isHeld) return lose()
    deadline = askedAt + leaseMs
    clearTimeout(expiry)
    expiry = setTimeout(expire, Math.max(0, deadline - now()))
    renewal = setTimeout(() => void keep(), leaseMs / 3)
  }

  async function keep(): Promise<void> {
    try {
      await renew()
    } catch (error) {
      onError(error)
      // The deadline stands: without a renewal the call is aborted in time.
      if (!isStopped) renewal = setTimeout(() => void keep(), leaseMs / 6)
    }
  }

  async function extend(): Promise<void> {
    if (isStopped) return
    clearTimeout(renewal)
    const { promise: over, resolve } = Promise.withResolvers<void>()
    controller.signal.addEventListener('abort', () => resolve(), { once: true })
    await Promise.race([keep(), over])
  }

  function stop(): void {
    isStopped = true
    clearTimeout(expiry)
    clearTimeout(renewal)
  }

  return { signal: controller.signal, remainingMs: () => deadline - now(), extend, stop }
}
