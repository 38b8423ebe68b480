import { PAYMENT_STATUSES, type PaymentCounts } from '@titan/payments'
import type { QueueStats } from '@titan/queue-core'
import type { Registry } from 'prom-client'
import { createPaymentCounter } from './payment-counter.ts'
import { registerGauge, type ReadGauge } from './read-gauge.ts'
import { createReading, type Reading } from './reading.ts'
import { seconds } from './registry.ts'

/** Where a program's stores are. */
export interface StoreSources {
  readonly databaseUrl: string
  /** The first one also tells whether Redis answers. */
  readonly queues: readonly { readonly name: string; stats(): Promise<QueueStats> }[]
}

/** What is in PostgreSQL and Redis, read at each scrape. */
export interface StoreGauges {
  /** Begins to read; before, nothing is shown. Answers how to stop, which closes the connection to PostgreSQL. */
  observe(sources: StoreSources): () => Promise<void>
}

interface Readings {
  readonly counts: Reading<PaymentCounts>
  readonly queues: readonly { readonly name: string; readonly stats: Reading<QueueStats> }[]
}

const STATES = ['ready', 'leased', 'delayed', 'parked', 'dead'] as const

/** Registers the gauges of the stores. */
export function createStoreGauges(registry: Registry): StoreGauges {
  let readings: Readings | undefined

  /** Together: they wait for the same server. */
  async function readQueues(): Promise<readonly (readonly [name: string, stats: QueueStats])[]> {
    const queues = readings?.queues ?? []
    const all = await Promise.all(queues.map(({ stats }) => stats.get()))
    return queues.flatMap(({ name }, index) => {
      const stats = all[index]
      return stats === undefined ? [] : [[name, stats] as const]
    })
  }

  const register = <Label extends string = never>(gauge: ReadGauge<Label>): void =>
    registerGauge(registry, gauge)
  const ofPayments = (name: string, help: string, pick: (counts: PaymentCounts) => number): void =>
    register({
      name,
      help,
      async read(tell) {
        const counts = await readings?.counts.get()
        if (counts !== undefined) tell(pick(counts))
      },
    })
  const ofQueues = (name: string, help: string, pick: (stats: QueueStats) => number): void =>
    register({
      name,
      help,
      labelNames: ['queue'],
      async read(tell) {
        for (const [queue, stats] of await readQueues()) tell(pick(stats), { queue })
      },
    })

  register({
    name: 'titan_postgres_up',
    help: 'Whether PostgreSQL answered a count of the payments in time.',
    async read(tell) {
      if (readings !== undefined) tell((await readings.counts.get()) === undefined ? 0 : 1)
    },
  })
  register({
    name: 'titan_redis_up',
    help: 'Whether Redis answered a count of the jobs in time.',
    async read(tell) {
      const [first] = readings?.queues ?? []
      if (first !== undefined) tell((await first.stats.get()) === undefined ? 0 : 1)
    },
  })
  register({
    name: 'titan_payments',
    help: 'Payments by status. The working ones are counted up to 10,000 each; of more than 10,000 payments, SUCCESS and FAILED are estimates.',
    labelNames: ['status'],
    async read(tell) {
      const counts = await readings?.counts.get()
      if (counts === undefined) return
      for (const status of PAYMENT_STATUSES) tell(counts.byStatus[status], { status })
    },
  })
  ofPayments('titan_payments_in_review', 'Payments that wait for an operator.', (c) => c.needsReview)
  ofPayments('titan_payments_unknown', 'Payments whose outcome at the gateway is unknown.', (c) => c.unknown)
  ofPayments(
    'titan_payments_oldest_unfinished_seconds',
    'Age of the oldest payment that has not ended and is not in review; 0 without one.',
    (counts) => seconds(counts.oldestUnfinishedMs),
  )
  ofPayments(
    'titan_payments_oldest_pending_seconds',
    'Age of the oldest payment that was not put into the queue yet; 0 without one.',
    (counts) => seconds(counts.oldestPendingMs),
  )
  register({
    name: 'titan_queue_jobs',
    help: 'Jobs by state: ready, leased, delayed, parked (behind another one of their key), dead.',
    labelNames: ['queue', 'state'],
    async read(tell) {
      for (const [queue, stats] of await readQueues())
        for (const state of STATES) tell(stats[state], { queue, state })
    },
  })
  ofQueues(
    'titan_queue_oldest_ready_seconds',
    'Age of the oldest job that a worker may start; 0 without one.',
    (stats) => seconds(stats.oldestReadyMs),
  )
  ofQueues('titan_queue_paused', 'Whether the queue is paused.', (stats) => (stats.paused ? 1 : 0))

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
