import type { WorkerHealth } from '@titan/queue-core'
import type { Registry } from 'prom-client'
import { registerGauge } from './read-gauge.ts'
import { seconds } from './metric.ts'

/** The health of one worker of this process. */
export interface ObservedWorker {
  readonly queue: string
  readonly health: WorkerHealth
  /** Whether it should read or settle and cannot. */
  readonly isDead: boolean
}

/** A gauge of each queue's workers: what it takes of each worker, and what it shows of them together. */
interface WorkerGauge {
  readonly name: string
  readonly help: string
  readonly value: (worker: ObservedWorker) => number
  readonly combine: (values: readonly number[]) => number
}

const sum = (values: readonly number[]): number => values.reduce((one, other) => one + other, 0)
const max = (values: readonly number[]): number => Math.max(...values)

const GAUGES: readonly WorkerGauge[] = [
  {
    name: 'titan_workers_alive',
    help: 'Workers of this process that run and are not dead.',
    value: ({ health, isDead }) => (health.state === 'running' && !isDead ? 1 : 0),
    combine: sum,
  },
  {
    name: 'titan_workers_dead',
    help: 'Workers of this process that should read or settle and cannot.',
    value: ({ isDead }) => (isDead ? 1 : 0),
    combine: sum,
  },
  {
    name: 'titan_worker_jobs_running',
    help: 'Running handlers.',
    value: ({ health }) => health.running,
    combine: sum,
  },
  {
    name: 'titan_worker_jobs_buffered',
    help: 'Claimed jobs that wait for a free slot.',
    value: ({ health }) => health.buffered,
    combine: sum,
  },
  {
    name: 'titan_worker_leases_settling',
    help: 'Leases whose settlement is not stored yet.',
    value: ({ health }) => health.settling,
    combine: sum,
  },
  {
    name: 'titan_worker_unsettled_seconds',
    help: 'Time that settlements have waited without one being stored, in the slowest worker.',
    value: ({ health }) => seconds(health.unsettledMs),
    combine: max,
  },
  {
    name: 'titan_worker_unread_seconds',
    help: 'Time that Redis has owed the reply to a read, in the slowest worker.',
    value: ({ health }) => seconds(health.unreadMs),
    combine: max,
  },
  {
    name: 'titan_worker_since_reply_seconds',
    help: 'Time after the last reply of Redis, in the slowest worker.',
    value: ({ health }) => seconds(health.sinceReplyMs),
    combine: max,
  },
]

/** Registers the gauges of the workers of this process, by queue: their names are not bounded. `workers` is called at each scrape. */
export function registerWorkerGauges(registry: Registry, workers: () => readonly ObservedWorker[]): void {
  for (const { name, help, value, combine } of GAUGES)
    registerGauge(registry, {
      name,
      help,
      labelNames: ['queue'],
      read(show) {
        for (const [queue, together] of Map.groupBy(workers(), (worker) => worker.queue))
          show(combine(together.map(value)), { queue })
      },
    })
}
