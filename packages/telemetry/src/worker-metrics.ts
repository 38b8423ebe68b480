import type { WorkerHealth } from '@titan/queue-core'
import { createGatewayMeasure, createStopsGauge } from './gateway-calls.ts'
import { seconds } from './metric.ts'
import { createPaymentsCounts } from './payments-events.ts'
import { createQueueCounts } from './queue-events.ts'
import { createRegistry, registerGauge } from './registry.ts'
import { createStoreGauges } from './stores.ts'
import { createWebhooksCounts } from './webhooks-events.ts'

/** The health of one worker of this process. */
interface ObservedWorker extends WorkerHealth {
  readonly queue: string
  /** Whether it should read or settle and cannot. */
  readonly isDead: boolean
}

/** A gauge of each queue's workers: what it takes of each worker, and what it shows of them together. */
type WorkerGauge = readonly [
  name: string,
  help: string,
  value: (worker: ObservedWorker) => number,
  combine: (values: readonly number[]) => number,
]

const sum = (values: readonly number[]): number => values.reduce((one, other) => one + other, 0)
const max = (values: readonly number[]): number => Math.max(...values)

const GAUGES: readonly WorkerGauge[] = [
  [
    'titan_workers_alive',
    'Workers of this process that run and are not dead.',
    ({ state, isDead }) => (state === 'running' && !isDead ? 1 : 0),
    sum,
  ],
  [
    'titan_workers_dead',
    'Workers of this process that should read or settle and cannot.',
    ({ isDead }) => (isDead ? 1 : 0),
    sum,
  ],
  ['titan_worker_jobs_running', 'Running handlers.', ({ running }) => running, sum],
  ['titan_worker_jobs_buffered', 'Claimed jobs that wait for a free slot.', ({ buffered }) => buffered, sum],
  [
    'titan_worker_leases_settling',
    'Leases whose settlement is not stored yet.',
    ({ settling }) => settling,
    sum,
  ],
  [
    'titan_worker_unsettled_seconds',
    'Time that settlements have waited without one being stored, in the slowest worker.',
    ({ unsettledMs }) => seconds(unsettledMs),
    max,
  ],
  [
    'titan_worker_unread_seconds',
    'Time that Redis has owed the reply to a read, in the slowest worker.',
    ({ unreadMs }) => seconds(unreadMs),
    max,
  ],
  [
    'titan_worker_since_reply_seconds',
    'Time after the last reply of Redis, in the slowest worker.',
    ({ sinceReplyMs }) => seconds(sinceReplyMs),
    max,
  ],
]

/** What titan-worker measures. */
export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>

/** Creates the metrics of the workers in one process. `workers` is called at each scrape. */
export function createWorkerMetrics(version: string, workers: () => readonly ObservedWorker[]) {
  const registry = createRegistry('titan-worker', version)
  // By queue, because the names of workers are not bounded.
  for (const [name, help, value, combine] of GAUGES)
    registerGauge(registry, name, help, ['queue'], () =>
      [...Map.groupBy(workers(), ({ queue }) => queue)].map(([queue, together]) => [
        combine(together.map(value)),
        { queue },
      ]),
    )
  return {
    stores: createStoreGauges(registry),
    onPaymentsEvent: createPaymentsCounts(registry),
    onWebhooksEvent: createWebhooksCounts(registry),
    /** Makes the listener of one queue. */
    onQueueEvent: createQueueCounts(registry),
    /** Wraps gateways. */
    measureGateways: createGatewayMeasure(registry),
    /** Shows which of these are stopped. */
    observeStops: createStopsGauge(registry),
    /** Serves the scrapes. */
    registry,
  }
}
