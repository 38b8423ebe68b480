import type { Claimed } from '../redis/commands.ts'
import type { Run } from './run.ts'
import { NO_META, type Job, type Meta } from '../model/job.ts'
import type { EventJob } from '../model/events.ts'
import { timeOf } from '../model/fence.ts'
import { priorityOf } from '../model/levels.ts'

/** A lease that this worker holds, from claim to settled. */
export interface HeldLease extends Claimed {
  readonly id: string
  readonly meta: Meta
  /** Visibility timeout of this job in milliseconds. */
  readonly visibilityMs: number
  /** When it was claimed and last renewed, `performance.now()`. */
  readonly claimedAt: number
  renewedAt: number
  /** When its handler began, `performance.now()`. */
  startedAt: number
  /** Its settlement is on the way to Redis. */
  settling: boolean
  /** The lease is gone: the result of a run here is void. */
  lost: boolean
  run: Run | undefined
}

/** Creates a lease. `visibilityMs` applies to jobs without a visibility timeout; `now` is `performance.now()`. */
export function createHeldLease(claimed: Claimed, id: string, visibilityMs: number, now: number): HeldLease {
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

/** Describes the job of a lease for events. */
export function eventJob(lease: HeldLease): EventJob {
  return {
    id: lease.id,
    name: lease.job?.name ?? '',
    attempt: (lease.meta.failures ?? 0) + 1,
    entryId: lease.entryId,
    deliveryCount: lease.deliveryCount,
  }
}

/** Decodes the job as its handler sees it. @throws SyntaxError when the data is not JSON */
export function toJob(lease: HeldLease, maxAttempts: number): Job {
  const { meta, job, id, entryId, level } = lease
  const { failures = 0, enqueuedAt = timeOf(entryId), orderingKey, traceparent } = meta
  const decoded: Job & { orderingKey?: string; traceparent?: string } = {
    id,
    name: job?.name ?? '',
    data: JSON.parse(job?.data ?? ''),
    attempt: failures + 1,
    maxAttempts: meta.maxAttempts ?? maxAttempts,
    priority: priorityOf(level),
    enqueuedAt,
  }
  if (orderingKey !== undefined) decoded.orderingKey = orderingKey
  if (traceparent !== undefined) decoded.traceparent = traceparent
  return decoded
}
