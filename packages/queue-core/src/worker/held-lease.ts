import { EngineError } from '../model/errors.ts'
import { crashesOf, timeOf } from '../model/fence.ts'
import { NO_META, withFailure, type Evidence, type FailureCause, type Job, type Meta } from '../model/job.ts'
import type { EventJob } from '../model/events.ts'
import { priorityOf } from '../model/levels.ts'
import type { ResolvedWorker } from '../model/options.ts'
import { textOf } from '../model/text-of.ts'
import type { Claimed } from '../redis/commands.ts'
import { packBounds, type Settlement } from '../redis/settle.ts'
import type { Run } from './run.ts'

/** A lease that this worker holds, from claim to settled. */
export interface HeldLease extends Claimed {
  readonly id: string
  readonly meta: Meta
  /** Visibility timeout of this job in milliseconds. */
  readonly visibilityMs: number
  /** When it was claimed and last renewed, `performance.now()`. */
  readonly claimedAt: number
  renewedAt: number
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

export function eventJob(lease: HeldLease): EventJob {
  return {
    id: lease.id,
    name: lease.job?.name ?? '',
    attempt: (lease.meta.failures ?? 0) + 1,
    entryId: lease.entryId,
    deliveryCount: lease.deliveryCount,
  }
}

/** Decodes the job as its handler sees it. @throws EngineError `INVALID_PAYLOAD` when its data is not JSON */
export function toJob(lease: HeldLease, maxAttempts: number): Job {
  const { meta, job, id, entryId, level } = lease
  const { failures = 0, enqueuedAt = timeOf(entryId), orderingKey, traceparent } = meta
  const decoded: Job & { orderingKey?: string; traceparent?: string } = {
    id,
    name: job?.name ?? '',
    data: readData(lease),
    attempt: failures + 1,
    maxAttempts: meta.maxAttempts ?? maxAttempts,
    priority: priorityOf(level),
    enqueuedAt,
  }
  if (orderingKey !== undefined) decoded.orderingKey = orderingKey
  if (traceparent !== undefined) decoded.traceparent = traceparent
  return decoded
}

function readData({ id, job }: HeldLease): unknown {
  try {
    return JSON.parse(job?.data ?? '')
  } catch (cause) {
    throw new EngineError('INVALID_PAYLOAD', `Data of job "${id}" is not JSON`, { cause })
  }
}

export function settlementOf(
  lease: HeldLease,
  verb: Settlement['verb'],
  first = '',
  second = '',
): Settlement {
  // The slot of a recurring job keeps its id from coming twice, so a day's memory of each firing would be waste.
  const isForgotten = verb === 'ack' && lease.meta.scheduled === 1
  return {
    verb,
    level: lease.level,
    fence: lease,
    id: lease.id,
    dedupe: lease.meta.dedupe === 1,
    orderingKey: lease.meta.orderingKey ?? '',
    first: isForgotten ? 'forget' : first,
    second,
  }
}

/** Builds a retry in `delayMs`: the job's next entry carries the history so far. */
export function retryOf(
  lease: HeldLease,
  cause: FailureCause,
  error: Error,
  delayMs: number,
  counts: boolean,
): Settlement {
  const { meta, id, deliveryCount, entryId } = lease
  const next: Meta = {
    ...meta,
    id,
    failures: (meta.failures ?? 0) + (counts ? 1 : 0),
    crashes: (meta.crashes ?? 0) + crashesOf(deliveryCount),
    enqueuedAt: meta.enqueuedAt ?? timeOf(entryId),
  }
  const known = withFailure(next, { at: Date.now(), cause, error: textOf(error) })
  return settlementOf(lease, 'retry', String(delayMs), JSON.stringify(known))
}

/** Builds a dead letter with everything that is known of the job. */
export function deadLetterOf(
  lease: HeldLease,
  cause: FailureCause,
  error: Error,
  { consumer, deadLetters }: Pick<ResolvedWorker, 'consumer' | 'deadLetters'>,
): Settlement {
  const { meta } = lease
  const crashed = cause === 'worker_crash' || cause === 'undecodable'
  const known = withFailure(meta, { at: Date.now(), cause, error: textOf(error) })
  const evidence: Evidence = {
    id: lease.id,
    cause,
    error: textOf(error, 1_000),
    failures: (meta.failures ?? 0) + (crashed ? 0 : 1),
    crashes: (meta.crashes ?? 0) + crashesOf(lease.deliveryCount),
    priority: priorityOf(lease.level),
    enqueuedAt: meta.enqueuedAt ?? timeOf(lease.entryId),
    history: known.history ?? [],
    worker: consumer,
  }
  return settlementOf(lease, 'dead', JSON.stringify(evidence), packBounds(deadLetters))
}
