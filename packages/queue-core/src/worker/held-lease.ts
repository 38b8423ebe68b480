import type { Claimed } from '../redis/commands.ts'
import type { Run } from './run.ts'
import { NO_META, type Meta } from '../model/job.ts'
import type { EventJob } from '../model/events.ts'

/** A lease this worker holds, from claim to settled. */
export interface Held extends Claimed {
  readonly id: string
  readonly meta: Meta
  /** Visibility timeout of this job in milliseconds. */
  readonly visibilityMs: number
  /** When it was claimed and last renewed, `performance.now()`. */
  readonly claimedAt: number
  renewedAt: number
  /** When its handler began, `performance.now()`. */
  startedAt: number
  /** A verdict is on its way to Redis. */
  settling: boolean
  /** The lease is gone: whatever comes of the job here is void. */
  lost: boolean
  run: Run | undefined
}

/** A lease in hand. `visibilityMs` is the queue's, for jobs without one of their own; `now` is `performance.now()`. */
export function createHeld(claimed: Claimed, id: string, visibilityMs: number, now: number): Held {
  const { entryId, deliveryCount, level, fields, job } = claimed
  const meta = job?.meta ?? NO_META
  return {
    entryId,
    deliveryCount,
    level,
    fields,
    job,
    id,
    meta,
    visibilityMs: meta.visibilityMs ?? visibilityMs,
    claimedAt: now,
    renewedAt: now,
    startedAt: 0,
    settling: false,
    lost: false,
    run: undefined,
  }
}

/** The job of a lease as events name it. */
export function eventJob(held: Held): EventJob {
  return {
    id: held.id,
    name: held.job?.name ?? '',
    attempt: (held.meta.failures ?? 0) + 1,
    entryId: held.entryId,
    deliveryCount: held.deliveryCount,
  }
}
