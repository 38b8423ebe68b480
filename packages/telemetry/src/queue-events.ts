import {
  ERROR_SOURCES,
  FAILURE_CAUSES,
  type EventJob,
  type FailureCause,
  type OnEvent,
  type QueueEvent,
} from '@titan/queue-core'
import type { Log, LogFields } from '@titan/service'
import type { Registry } from 'prom-client'
import { WAIT_BUCKETS, WORK_BUCKETS } from './buckets.ts'
import { countEvents, logEvents, sample, type EventTable, type Sample } from './event-table.ts'
import { counter, each, histogram, seconds } from './metric.ts'

const STARTS = counter('titan_queue_job_starts_total', 'Attempts started: a handler was called.')
const WAITS = histogram('titan_queue_job_wait_seconds', 'Time from ready to started.', WAIT_BUCKETS)
const RESULTS = ['done', 'retried', 'dead', 'released', 'lease_lost', 'settle_unknown'] as const
const ENDS = counter(
  'titan_queue_job_ends_total',
  'Attempts ended, by result for the job.',
  each('result', RESULTS),
)
const DURATIONS = histogram(
  'titan_queue_job_duration_seconds',
  'Time from start to stored ack of completed jobs.',
  WORK_BUCKETS,
)
const FAILURES = counter(
  'titan_queue_job_failures_total',
  'Attempts that ended in a retry or a dead letter, by cause.',
  each('cause', FAILURE_CAUSES),
)
const RECLAIMS = counter(
  'titan_queue_jobs_reclaimed_total',
  'Jobs reclaimed from a worker that died, stalled or released them.',
)
const SKIPS = counter('titan_queue_jobs_skipped_total', 'Jobs skipped because they were already completed.')
const ZOMBIES = counter('titan_queue_zombies_total', 'Handlers that ignored their abort signal.')
const VANISHED = counter('titan_queue_entries_vanished_total', 'Queue entries deleted by another client.')
const ERRORS = counter(
  'titan_queue_errors_total',
  'Errors that a worker recovered from, by what it was doing.',
  each('during', [...ERROR_SOURCES, 'other']),
)

type OfJob = { readonly job: EventJob }
type OfFailure = OfJob & { readonly cause: FailureCause; readonly error: unknown }

const jobFields = ({ job }: OfJob): LogFields => ({ jobId: job.id, attempt: job.attempt })
const failureFields = (event: OfFailure): LogFields => ({
  ...jobFields(event),
  reason: event.cause,
  error: event.error,
})
const end = (result: (typeof RESULTS)[number]): Sample<unknown> => sample(ENDS, { result })
const failure: Sample<OfFailure> = sample(FAILURES, ({ cause }) => ({ cause }))

/** Faults and reclaims are logged loudly, the daily round quietly. */
const QUEUE_EVENTS: EventTable<QueueEvent> = {
  started: {
    log: ['debug', 'job.started', 'job started'],
    fields: jobFields,
    samples: [sample(STARTS), sample(WAITS, {}, ({ waitedMs }) => seconds(Math.max(0, waitedMs)))],
  },
  completed: {
    log: ['debug', 'job.completed', 'job completed'],
    fields: jobFields,
    samples: [end('done'), sample(DURATIONS, {}, ({ durationMs }) => seconds(durationMs))],
  },
  retried: {
    log: ['debug', 'job.retried', 'job retry scheduled'],
    fields: (event) => ({ ...failureFields(event), delayMs: event.delayMs }),
    samples: [end('retried'), failure],
  },
  deadLettered: {
    log: ['warn', 'job.dead_lettered', 'job dead-lettered'],
    fields: failureFields,
    samples: [end('dead'), failure],
  },
  released: { log: ['debug', 'job.released', 'job released'], fields: jobFields, samples: [end('released')] },
  leaseLost: {
    log: ['warn', 'lease.lost', 'lease lost to another worker'],
    fields: jobFields,
    samples: [end('lease_lost')],
  },
  settleUnknown: {
    log: ['warn', 'settlement.unconfirmed', 'settlement unconfirmed, job may run again'],
    fields: jobFields,
    samples: [end('settle_unknown')],
  },
  reclaimed: {
    log: ['info', 'job.reclaimed', 'job reclaimed from unresponsive worker'],
    fields: jobFields,
    samples: [sample(RECLAIMS)],
  },
  skipped: {
    log: ['debug', 'job.skipped', 'job already completed, skipped'],
    fields: jobFields,
    samples: [sample(SKIPS)],
  },
  zombie: {
    log: ['warn', 'handler.overran', 'handler ignored its abort signal'],
    fields: jobFields,
    samples: [sample(ZOMBIES)],
  },
  entriesVanished: {
    log: ['warn', 'entries.vanished', 'queue entries deleted by another client'],
    fields: ({ entryIds }) => ({ count: entryIds.length }),
    samples: [sample(VANISHED, {}, ({ entryIds }) => entryIds.length)],
  },
  groupCreated: { log: ['info', 'group.recreated', 'consumer group missing, recreated'] },
  paused: { log: ['info', 'queue.paused', 'queue paused'] },
  resumed: { log: ['info', 'queue.resumed', 'queue resumed'] },
  warning: { log: (event) => ['warn', 'queue.warned', event.message] },
  error: {
    log: ['warn', 'queue.failed', 'queue operation failed, retrying'],
    fields: ({ during, error }) => ({ reason: during, error }),
    skipRepeats: true,
    samples: [
      sample(ERRORS, ({ during }) => ({ during: ERROR_SOURCES.includes(during) ? during : 'other' })),
    ],
  },
}

/** Makes the listener that logs what a worker does with jobs. */
export function logQueueEvents(log: Log, consumer: string): OnEvent {
  return logEvents(log, QUEUE_EVENTS, { consumer })
}

/**
 * Counts what the workers of this process do with jobs.
 *
 * @returns makes the listener of one queue; its name becomes a label
 */
export function createQueueCounts(registry: Registry): (queue: string) => OnEvent {
  const countFor = countEvents(registry, QUEUE_EVENTS, ['queue'])
  return (queue) => countFor({ queue })
}
