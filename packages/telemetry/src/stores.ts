import { PAYMENT_STATUSES, type PaymentCounts } from '@titan/payments'
import type { QueueStats } from '@titan/queue-core'
import type { Registry } from 'prom-client'
import { seconds, type Labels } from './metric.ts'
import { createPaymentCounter } from './payment-counter.ts'
import { registerGauge } from './read-gauge.ts'
import { createReading, type Reading } from './reading.ts'

/** Where a program's stores are. */
export interface StoreSources {
  readonly databaseUrl: string
  /** The first one also shows whether Redis responds. */
  readonly queues: readonly { readonly name: string; stats(): Promise<QueueStats> }[]
}

/** What is in PostgreSQL and Redis, read at each scrape. */
export interface StoreGauges {
  /** Begins to read; before, nothing is shown. Returns how to stop, which closes the connection to PostgreSQL. */
  observe(sources: StoreSources): () => Promise<void>
}

interface Readings {
  readonly counts: Reading<PaymentCounts>
  readonly queues: readonly { readonly name: string; readonly stats: Reading<QueueStats> }[]
}

/** A gauge of what is in `Source`. */
interface StoreGauge<Source> {
  readonly name: string
  readonly help: string
  readonly labelNames?: readonly string[]
  readonly values: (source: Source) => readonly (readonly [value: number, labels?: Labels])[]
}

const STATES = ['ready', 'leased', 'delayed', 'parked', 'dead'] as const

const PAYMENT_GAUGES: readonly StoreGauge<PaymentCounts>[] = [
  {
    name: 'titan_payments',
    help: 'Payments by status. Unfinished ones are counted up to 10,000 each; of more than 10,000 payments, SUCCESS and FAILED are estimates.',
    labelNames: ['status'],
    values: ({ byStatus }) => PAYMENT_STATUSES.map((status) => [byStatus[status], { status }]),
  },
  {
    name: 'titan_payments_in_review',
    help: 'Payments held for review by an operator.',
    values: ({ needsReview }) => [[needsReview]],
  },
  {
    name: 'titan_payments_unknown',
    help: 'Payments whose outcome at the gateway is unknown.',
    values: ({ unknown }) => [[unknown]],
  },
  {
    name: 'titan_payments_oldest_unfinished_seconds',
    help: 'Age of the oldest unfinished payment that is not in review; 0 without one.',
    values: ({ oldestUnfinishedMs }) => [[seconds(oldestUnfinishedMs)]],
  },
  {
    name: 'titan_payments_oldest_pending_seconds',
    help: 'Age of the oldest payment that is not enqueued yet; 0 without one.',
    values: ({ oldestPendingMs }) => [[seconds(oldestPendingMs)]],
  },
]

const QUEUE_GAUGES: readonly StoreGauge<QueueStats>[] = [
  {
    name: 'titan_queue_jobs',
    help: 'Jobs by state: ready, leased, delayed, parked (behind another job of their key), dead.',
    labelNames: ['state'],
    values: (stats) => STATES.map((state) => [stats[state], { state }]),
  },
  {
    name: 'titan_queue_oldest_ready_seconds',
    help: 'Age of the oldest ready job; 0 without one.',
    values: ({ oldestReadyMs }) => [[seconds(oldestReadyMs)]],
  },
  {
    name: 'titan_queue_paused',
    help: 'Whether the queue is paused (1).',
    values: ({ paused }) => [[paused ? 1 : 0]],
  },
]

/** Registers the gauges of the stores. */
export function createStoreGauges(registry: Registry): StoreGauges {
  let readings: Readings | undefined

  registerUp(
    registry,
    'titan_postgres_up',
    'Whether PostgreSQL counted the payments in time (1).',
    () => readings?.counts,
  )
  registerUp(
    registry,
    'titan_redis_up',
    'Whether Redis counted the jobs in time (1).',
    () => readings?.queues[0]?.stats,
  )
  for (const { name, help, labelNames = [], values } of PAYMENT_GAUGES)
    registerGauge(registry, {
      name,
      help,
      labelNames,
      async read(show) {
        const counts = await readings?.counts.get()
        for (const [value, labels] of counts === undefined ? [] : values(counts)) show(value, labels)
      },
    })
  for (const { name, help, labelNames = [], values } of QUEUE_GAUGES)
    registerGauge(registry, {
      name,
      help,
      labelNames: ['queue', ...labelNames],
      async read(show) {
        for (const [queue, stats] of await readQueues(readings?.queues ?? []))
          for (const [value, labels] of values(stats)) show(value, { queue, ...labels })
      },
    })

  return {
    observe({ databaseUrl, queues }) {
      const payments = createPaymentCounter(databaseUrl)
      readings = {
        counts: createReading(() => payments.count()),
        queues: queues.map((queue) => ({ name: queue.name, stats: createReading(() => queue.stats()) })),
      }
      return async () => {
        readings = undefined
        await payments.close()
      }
    },
  }
}

/** Registers a gauge that is 1 while `reading` can be read. */
function registerUp(
  registry: Registry,
  name: string,
  help: string,
  readingOf: () => Reading<unknown> | undefined,
): void {
  registerGauge(registry, {
    name,
    help,
    async read(show) {
      const reading = readingOf()
      if (reading !== undefined) show((await reading.get()) === undefined ? 0 : 1)
    },
  })
}

/** Reads the queues together, because they wait for the same server. Those that cannot be read are left out. */
async function readQueues(
  queues: Readings['queues'],
): Promise<readonly (readonly [name: string, stats: QueueStats])[]> {
  const all = await Promise.all(queues.map(async ({ name, stats }) => [name, await stats.get()] as const))
  return all.flatMap(([name, stats]) => (stats === undefined ? [] : [[name, stats] as const]))
}
