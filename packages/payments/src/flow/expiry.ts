import { decide } from '../domain/decision.ts'
import { DEFAULT_RETRY_POLICY } from '../domain/retry-policy.ts'
import type { OnPaymentsEvent } from '../domain/events.ts'
import type { PaymentStore } from '../store/store.ts'

interface ExpiryOptions {
  readonly store: Pick<PaymentStore, 'expireDue' | 'findExpired' | 'claim' | 'settle'>
  readonly limit: number
  /** Shown as the actor of events. */
  readonly actor: string
  readonly onEvent: OnPaymentsEvent
}

/** Covers the time between claim and settlement, in milliseconds. */
const LEASE_MS = 15_000

/**
 * Ends payments whose time was over before they were sent, also where no worker runs. One with an attempt is claimed
 * first: what may have been sent stays as it is.
 */
export async function expirePayments({ store, limit, actor, onEvent }: ExpiryOptions): Promise<number> {
  const unbegun = await store.expireDue(limit, actor)
  const report = ({ paymentId, ageMs }: { readonly paymentId: string; readonly ageMs: number }): void =>
    onEvent({
      type: 'settled',
      paymentId,
      status: 'FAILED',
      event: 'payment.failed',
      durationMs: 0,
      sinceAcceptedMs: ageMs,
    })
  for (const expired of unbegun) report(expired)
  let ended = unbegun.length
  for (const { paymentId, gateway } of await store.findExpired(limit)) {
    const answer = await store.claim(paymentId, { owner: actor, leaseMs: LEASE_MS, gateway })
    if (answer.kind === 'skipped') continue
    const { claim } = answer
    const isUnsent = claim.mode === 'send' && claim.expiresInMs !== null && claim.expiresInMs <= 0
    const outcome = isUnsent
      ? ({ type: 'EXPIRED' } as const)
      : ({ type: 'RELEASED', reason: 'it may have been sent' } as const)
    const settlement = decide(claim, outcome, { policy: DEFAULT_RETRY_POLICY, actor, random: Math.random })
    if (!(await store.settle(settlement)) || settlement.status !== 'FAILED') continue
    ended++
    report(claim)
  }
  return ended
}
