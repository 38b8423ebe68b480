import type { Settlement } from '../redis/settle.ts'
import type { HeldLease } from './held-lease.ts'
import { withFailure, type Evidence, type FailureCause, type Meta } from '../model/job.ts'
import { crashesOf, timeOf } from '../model/fence.ts'
import { priorityOf } from '../model/levels.ts'
import { textOf } from '../model/text-of.ts'

/** Builds the settlement that ends a lease. */
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
  worker: string,
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
    worker,
  }
  return settlementOf(lease, 'dead', JSON.stringify(evidence))
}
