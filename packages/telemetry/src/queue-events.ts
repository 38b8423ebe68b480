import {
  ERROR_SOURCES,
  FAILURE_CAUSES,
  type EventJob,
  type FailureCause,
  type QueueEvent,
} from '@titan/queue-core'
import type { Log, LogFields } from '@titan/service'
import type { Registry } from 'prom-client'
import {
  countEvents,
  logEvents,
  sample,
  type EventTable,
  type Line,
  type Row,
  type Sample,
} from './event-table.ts'
import { counter, each, histogram, seconds, WORK_BUCKETS } from './metric.ts'

/** From nothing to a backlog of minutes, in seconds. */
const WAIT_BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 900]
const RESULTS = ['done', 'retried', 'dead', 'released', 'lease_lost', 'settle_unknown'] as const

const STARTS = counter('titan_queue_job_starts_total', 'Attempts started: a handler was called.')
const WAITS = histogram('titan_queue_job_wait_seconds', 'Time from ready to started.', WAIT_BUCKETS)
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
const DROPS = counter('titan_queue_dead_letters_dropped_total', 'Dead letters deleted beyond their bounds.')
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
/** Makes the row of an event that is about a job and nothing else. */
const ofJob = (log: Line, one: Sample<unknown>): Row<OfJob> => ({ log, fields: jobFields, samples: [one] })

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
  deadLettersDropped: {
    log: ['warn', 'dead_letters.dropped', 'dead letters beyond their bounds deleted'],
    fields: ({ count }) => ({ count }),
    samples: [sample(DROPS, {}, ({ count }) => count)],
  },
  released: ofJob(['debug', 'job.released', 'job released'], end('released')),
  leaseLost: ofJob(['warn', 'lease.lost', 'lease lost to another worker'], end('lease_lost')),
  settleUnknown: ofJob(
    ['warn', 'settlement.unconfirmed', 'settlement unconfirmed, job may run again'],
    end('settle_unknown'),
  ),
  reclaimed: ofJob(['info', 'job.reclaimed', 'job reclaimed from unresponsive worker'], sample(RECLAIMS)),
  skipped: ofJob(['debug', 'job.skipped', 'job already completed, skipped'], sample(SKIPS)),
  zombie: ofJob(['warn', 'handler.overran', 'handler ignored its abort signal'], sample(ZOMBIES)),
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
export function logQueueEvents(log: Log, consumer: string) {
  return logEvents(log, QUEUE_EVENTS, { consumer })
}

/** Counts what the workers of this process do with jobs. Returns the maker of a queue's listener. */
export function createQueueCounts(registry: Registry) {
  const countFor = countEvents(registry, QUEUE_EVENTS, ['queue'])
  return (queue: string) => countFor({ queue })
}
