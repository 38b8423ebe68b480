import type { WorkerHealth } from '@titan/queue-core'
import type { Registry } from 'prom-client'
import { registerGauge } from './read-gauge.ts'
import { seconds } from './registry.ts'

/** The signs of life of one worker of this process. */
export interface ObservedWorker {
  readonly queue: string
  readonly health: WorkerHealth
  /** It should read or settle and cannot. */
  readonly isDead: boolean
}

/**
 * Registers the gauges of the workers of this process: together for each queue, since their names are anybody's.
 *
 * @param workers asked at each scrape
 */
export function registerWorkerGauges(registry: Registry, workers: () => readonly ObservedWorker[]): void {
  const perQueue = (
    name: string,
    help: string,
    pick: (worker: ObservedWorker) => number,
    combine: (values: readonly number[]) => number,
  ): void =>
    registerGauge(registry, {
      name,
      help,
      labelNames: ['queue'],
      read(tell) {
        for (const [queue, together] of Map.groupBy(workers(), (worker) => worker.queue))
          tell(combine(together.map(pick)), { queue })
      },
    })
  const sum = (values: readonly number[]): number => values.reduce((one, other) => one + other, 0)
  const max = (values: readonly number[]): number => Math.max(...values)

  perQueue(
    'titan_workers_alive',
    'Workers of this process that run and are not dead.',
    ({ health, isDead }) => (health.state === 'running' && !isDead ? 1 : 0),
    sum,
  )
  perQueue(
    'titan_workers_dead',
    'Workers of this process that should read or settle and cannot.',
    ({ isDead }) => (isDead ? 1 : 0),
    sum,
  )
  perQueue('titan_worker_jobs_running', 'Handlers that run.', ({ health }) => health.running, sum)
  perQueue(
    'titan_worker_jobs_buffered',
    'Jobs that were claimed and wait for a free slot.',
    ({ health }) => health.buffered,
    sum,
  )
  perQueue(
    'titan_worker_leases_settling',
    'Leases whose end is not stored yet.',
    ({ health }) => health.settling,
    sum,
  )
  perQueue(
    'titan_worker_unsettled_seconds',
    'For how long ends of jobs have waited to be stored without one being stored; the slowest worker.',
    ({ health }) => seconds(health.unsettledMs),
    max,
  )
  perQueue(
    'titan_worker_unread_seconds',
    'For how long Redis has owed the answer to a read; the slowest worker.',
    ({ health }) => seconds(health.unreadMs),
    max,
  )
  perQueue(
    'titan_worker_since_reply_seconds',
    'Since Redis last answered anything; the slowest worker.',
    ({ health }) => seconds(health.sinceReplyMs),
    max,
  )
}
