import type { FailureCause, OnEvent, QueueEvent } from '@titan/queue-core'
import { Counter, Histogram, type Registry } from 'prom-client'
import { WAIT_BUCKETS, WORK_BUCKETS } from './buckets.ts'
import { countFromZero } from './counting.ts'
import { seconds } from './registry.ts'

/** How a run of a job ends. */
const RESULTS: Partial<Record<QueueEvent['type'], string>> = {
  completed: 'done',
  retried: 'retried',
  deadLettered: 'dead',
  released: 'released',
  leaseLost: 'lease_lost',
  settleUnknown: 'settle_unknown',
}

const CAUSES: readonly FailureCause[] = [
  'handler_error',
  'timeout',
  'unrecoverable',
  'worker_crash',
  'unknown_job',
  'invalid_payload',
  'undecodable',
]

const DURINGS = [
  'connect',
  'read',
  'control',
  'promote',
  'reclaim',
  'renew',
  'settle',
  'dedupe',
  'backoff',
  'limit',
  'stop',
]

/**
 * Counts what the workers of this process do with jobs.
 *
 * @returns makes the listener of one queue; its name becomes a label
 */
export function createQueueCounts(registry: Registry): (queue: string) => OnEvent {
  const registers = [registry]
  const starts = new Counter({
    name: 'titan_queue_job_starts_total',
    help: 'Attempts that were begun: a handler was called.',
    labelNames: ['queue'],
    registers,
  })
  const waits = new Histogram({
    name: 'titan_queue_job_wait_seconds',
    help: 'From ready to begun.',
    labelNames: ['queue'],
    buckets: WAIT_BUCKETS,
    registers,
  })
  const ends = new Counter({
    name: 'titan_queue_job_ends_total',
    help: 'Attempts that ended, by what became of the job.',
    labelNames: ['queue', 'result'],
    registers,
  })
  const durations = new Histogram({
    name: 'titan_queue_job_duration_seconds',
    help: 'Handler and ack of jobs that are done.',
    labelNames: ['queue'],
    buckets: WORK_BUCKETS,
    registers,
  })
  const failures = new Counter({
    name: 'titan_queue_job_failures_total',
    help: 'Attempts that were retried or ended as a dead letter, by cause.',
    labelNames: ['queue', 'cause'],
    registers,
  })
  const rescues = new Counter({
    name: 'titan_queue_jobs_reclaimed_total',
    help: 'Jobs taken over from a worker that died, stalled or gave them back.',
    labelNames: ['queue'],
    registers,
  })
  const skips = new Counter({
    name: 'titan_queue_jobs_skipped_total',
    help: 'Jobs that were done already.',
    labelNames: ['queue'],
    registers,
  })
  const zombies = new Counter({
    name: 'titan_queue_zombies_total',
    help: 'Handlers that went on although they were told to end.',
    labelNames: ['queue'],
    registers,
  })
  const vanished = new Counter({
    name: 'titan_queue_entries_vanished_total',
    help: 'Jobs that somebody else deleted from the queue.',
    labelNames: ['queue'],
    registers,
  })
  const errors = new Counter({
    name: 'titan_queue_errors_total',
    help: 'Errors that a worker met and goes on after, by what it was doing.',
    labelNames: ['queue', 'during'],
    registers,
  })

  return (queue) => {
    const labels = { queue }
    for (const counter of [starts, rescues, skips, zombies, vanished]) counter.inc(labels, 0)
    countFromZero(ends, labels, 'result', Object.values(RESULTS))
    countFromZero(failures, labels, 'cause', CAUSES)
    countFromZero(errors, labels, 'during', [...DURINGS, 'other'])
    const plain: Partial<Record<QueueEvent['type'], Counter<'queue'>>> = {
      started: starts,
      reclaimed: rescues,
      skipped: skips,
      zombie: zombies,
    }
    return (event) => {
      plain[event.type]?.inc(labels)
      const result = RESULTS[event.type]
      if (result !== undefined) ends.inc({ queue, result })
      if ('cause' in event) failures.inc({ queue, cause: event.cause })
      if (event.type === 'started') waits.observe(labels, seconds(Math.max(0, event.waitedMs)))
      else if (event.type === 'completed') durations.observe(labels, seconds(event.durationMs))
      else if (event.type === 'entriesVanished') vanished.inc(labels, event.entryIds.length)
      else if (event.type === 'error')
        errors.inc({ queue, during: DURINGS.includes(event.during) ? event.during : 'other' })
    }
  }
}
