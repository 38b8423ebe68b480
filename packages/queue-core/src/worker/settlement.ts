import type { Verdict } from '../redis/settle.ts'
import type { Held } from './held-lease.ts'
import { withFailure, type Evidence, type FailureCause, type Meta } from '../model/job.ts'
import { crashesOf, timeOf } from '../model/fence.ts'
import { priorityOf } from '../model/levels.ts'
import { textOf } from '../model/text-of.ts'

/** The verdict that ends a lease. */
export function verdict(held: Held, verb: Verdict['verb'], first = '', second = ''): Verdict {
  // The slot of a recurring job keeps its id from coming twice, so a day's memory of each firing would be waste.
  const isForgotten = verb === 'ack' && held.meta.scheduled === 1
  return {
    verb,
    level: held.level,
    fence: held,
    id: held.id,
    dedupe: held.meta.dedupe === 1,
    orderingKey: held.meta.orderingKey ?? '',
    first: isForgotten ? 'forget' : first,
    second,
  }
}

/** Another attempt in `delayMs`: the job's next entry knows what happened so far. */
export function retryVerdict(
  held: Held,
  cause: FailureCause,
  error: Error,
  delayMs: number,
  counts: boolean,
): Verdict {
  const meta: Meta = withFailure(
    {
      ...held.meta,
      id: held.id,
      failures: (held.meta.failures ?? 0) + (counts ? 1 : 0),
      crashes: (held.meta.crashes ?? 0) + crashesOf(held.deliveryCount),
      enqueuedAt: held.meta.enqueuedAt ?? timeOf(held.entryId),
    },
    { at: Date.now(), cause, error: textOf(error) },
  )
  return verdict(held, 'retry', String(delayMs), JSON.stringify(meta))
}

/** The end of the road, with all that is known. */
export function deadVerdict(held: Held, cause: FailureCause, error: Error, worker: string): Verdict {
  const { meta } = held
  const crashed = cause === 'worker_crash' || cause === 'undecodable'
  const known = withFailure(meta, { at: Date.now(), cause, error: textOf(error) })
  const evidence: Evidence = {
    id: held.id,
    cause,
    error: textOf(error, 1_000),
    failures: (meta.failures ?? 0) + (crashed ? 0 : 1),
    crashes: (meta.crashes ?? 0) + crashesOf(held.deliveryCount),
    priority: priorityOf(held.level),
    enqueuedAt: meta.enqueuedAt ?? timeOf(held.entryId),
    history: known.history ?? [],
    worker,
  }
  return verdict(held, 'dead', JSON.stringify(evidence))
}
