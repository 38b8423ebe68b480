import { createPaymentStore, openDatabase, type PaymentCounts } from '@titan/payments'
import type { QueueStats } from '@titan/queue-core'
import type { Registry } from 'prom-client'
import { seconds, type Labels } from './metric.ts'
import { createReading } from './reading.ts'
import { registerGauge, type GaugeValue } from './registry.ts'

/** Where a program's stores are. */
export interface StoreSources {
  readonly databaseUrl: string
  /** The first one also shows whether Redis responds. */
  readonly queues: readonly { readonly name: string; stats(): Promise<QueueStats> }[]
}

/** A gauge of what is in `Source`: one value, or one for each value of the label. */
type StoreGauge<Source> = readonly [
  name: string,
  help: string,
  read: (source: Source) => number | Readonly<Record<string, number>>,
  label?: string,
]

const PAYMENT_GAUGES: readonly StoreGauge<PaymentCounts>[] = [
  [
    'titan_payments',
    'Payments by status. Unfinished ones are counted up to 10,000 each; of more than 10,000 payments, SUCCESS and FAILED are estimates.',
    ({ byStatus }) => byStatus,
    'status',
  ],
  ['titan_payments_in_review', 'Payments held for review by an operator.', ({ needsReview }) => needsReview],
  ['titan_payments_unknown', 'Payments whose outcome at the gateway is unknown.', ({ unknown }) => unknown],
  [
    'titan_payments_waiting',
    'Payments that wait without a job: for a capture, the customer or the gateway.',
    ({ waiting }) => waiting,
    'reason',
  ],
  [
    'titan_payments_oldest_waiting_seconds',
    'Age of the oldest payment that waits, by reason; 0 without one.',
    ({ oldestWaitingMs }) => ({
      capture: seconds(oldestWaitingMs.capture),
      customer: seconds(oldestWaitingMs.customer),
      gateway: seconds(oldestWaitingMs.gateway),
    }),
    'reason',
  ],
  [
    'titan_payments_authorizations_expiring',
    'Authorizations that expire within a day, neither captured nor voided.',
    ({ expiringAuthorizations }) => expiringAuthorizations,
  ],
  [
    'titan_payments_open_breaks',
    'Contradictions with a gateway that are not resolved.',
    ({ openBreaks }) => openBreaks,
  ],
  [
    'titan_payments_oldest_unfinished_seconds',
    'Age of the oldest unfinished payment that is neither in review nor waiting; 0 without one.',
    ({ oldestUnfinishedMs }) => seconds(oldestUnfinishedMs),
  ],
  [
    'titan_payments_oldest_pending_seconds',
    'Age of the oldest payment that is not enqueued yet; 0 without one.',
    ({ oldestPendingMs }) => seconds(oldestPendingMs),
  ],
]

const QUEUE_GAUGES: readonly StoreGauge<QueueStats>[] = [
  [
    'titan_queue_jobs',
    'Jobs by state: ready, leased, delayed, parked (behind another job of their key), dead.',
    ({ ready, leased, delayed, parked, dead }) => ({ ready, leased, delayed, parked, dead }),
    'state',
  ],
  [
    'titan_queue_oldest_ready_seconds',
    'Age of the oldest ready job; 0 without one.',
    ({ oldestReadyMs }) => seconds(oldestReadyMs),
  ],
  ['titan_queue_paused', 'Whether the queue is paused (1).', ({ paused }) => Number(paused)],
]

/** Registers one gauge; `sources` returns what is known, each value with its labels. */
function registerStoreGauge<Source>(
  registry: Registry,
  [name, help, read, label]: StoreGauge<Source>,
  baseNames: readonly string[],
  sources: () => Promise<readonly (readonly [Source | undefined, Labels])[]>,
) {
  const labelNames = label === undefined ? baseNames : [...baseNames, label]
  registerGauge(registry, name, help, labelNames, async () =>
    (await sources()).flatMap(([source, base]): GaugeValue[] => {
      if (source === undefined) return []
      const values = read(source)
      if (typeof values === 'number') return [[values, base]]
      return Object.entries(values).map(([key, value]) => [value, { ...base, [label ?? '']: key }])
    }),
  )
}

/** Registers the gauges of what is in PostgreSQL and Redis. They show nothing until `observe` is called. */
export function createStoreGauges(registry: Registry) {
  let observed: ReturnType<typeof readStores> | undefined

  registerGauge(
    registry,
    'titan_postgres_up',
    'Whether PostgreSQL counted the payments in time (1).',
    [],
    async () => (observed === undefined ? [] : [[(await observed.payments()) === undefined ? 0 : 1]]),
  )
  registerGauge(registry, 'titan_redis_up', 'Whether Redis counted the jobs in time (1).', [], async () => {
    const [first] = observed?.queues ?? []
    return first === undefined ? [] : [[(await first.stats()) === undefined ? 0 : 1]]
  })
  for (const gauge of PAYMENT_GAUGES)
    registerStoreGauge(registry, gauge, [], async () => [[await observed?.payments(), {}]])
  for (const gauge of QUEUE_GAUGES)
    registerStoreGauge(registry, gauge, ['queue'], () =>
      // Together, because they wait for the same server.
      Promise.all((observed?.queues ?? []).map(async ({ name, stats }) => [await stats(), { queue: name }])),
    )

  return {
    /** Begins to read. Returns how to stop, which closes the connection to PostgreSQL. */
    observe(sources: StoreSources): () => Promise<void> {
      const { close } = (observed = readStores(sources))
      return async () => {
        observed = undefined
        await close()
      }
    },
  }
}

/** Bounds the cost of a count: a larger table is estimated, and counting a working status stops here. */
const COUNT_LIMITS = { table: 10_000, working: 10_000 }
/** The server cancels a count that takes longer, in milliseconds. */
const STATEMENT_TIMEOUT_MS = 2_000

/** Opens a separate connection, because counting and payments must not wait for each other. */
function readStores({ databaseUrl, queues }: StoreSources) {
  const sql = openDatabase(databaseUrl, {
    poolSize: 1,
    applicationName: 'titan-metrics',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    connectTimeoutMs: STATEMENT_TIMEOUT_MS,
  })
  const store = createPaymentStore(sql)
  return {
    payments: createReading(() => store.counts(COUNT_LIMITS)),
    queues: queues.map((queue) => ({ name: queue.name, stats: createReading(() => queue.stats()) })),
    close: () => sql.end({ timeout: 0 }),
  }
}
