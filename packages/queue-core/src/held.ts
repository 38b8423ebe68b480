import type { Claimed } from './broker.ts'
import type { Run } from './execute.ts'
import type { Meta } from './job.ts'
import type { EventJob } from './events.ts'

/** A lease this worker holds, from claim to settled. */
export interface Held extends Claimed {
  readonly id: string
  readonly meta: Meta
  /** Visibility timeout of this job in milliseconds. */
  readonly visibilityMs: number
  /** When it was claimed and last renewed, `performance.now()`. */
  readonly claimedAt: number
  renewedAt: number
  /** A verdict is on its way to Redis. */
  settling: boolean
  /** The lease is gone: whatever comes of the job here is void. */
  lost: boolean
  run: Run | undefined
}

export function createHeld(claimed: Claimed, id: string, visibilityMs: number, now: number): Held {
  const meta = claimed.job?.meta ?? {}
  return {
    ...claimed,
    id,
    meta,
    visibilityMs: meta.visibilityMs ?? visibilityMs,
    claimedAt: now,
    renewedAt: now,
    settling: false,
    lost: false,
    run: undefined,
  }
}

export function eventJob(held: Held): EventJob {
  return {
    id: held.id,
    name: held.job?.name ?? '',
    attempt: (held.meta.failures ?? 0) + 1,
    entryId: held.entryId,
    deliveryCount: held.deliveryCount,
  }
}
