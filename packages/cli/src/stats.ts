import { createPaymentStore, type Database, type PaymentCounts } from '@titan/payments'
import { createInspector, type ConsumerView, type Queue, type QueueStats } from '@titan/queue-core'
import type { Redis } from '@titan/service'
import { WebhookStore, type WebhookBacklog } from '@titan/webhooks'
import { formatDuration, formatFacts, formatTimestamp, formatSections, formatTable } from './output.ts'
import type { AnyJobs } from './commands/queue.ts'

/** How a queue and its payments stand. */
export interface Stats {
  /** When, by this machine's clock. */
  readonly at: string
  readonly queue: Omit<QueueStats, 'nextDueAt'> & { readonly name: string; readonly nextDueAt: string | null }
  readonly workers: readonly ConsumerView[]
  /** Null when PostgreSQL was not given. */
  readonly payments: PaymentCounts | null
  /** Null when PostgreSQL was not given. */
  readonly webhooks: WebhookBacklog | null
}

/** Reads the numbers of a queue again and again. */
export function createStatsReader(
  {
    queue,
    redis,
    prefix,
  }: { readonly queue: Queue<AnyJobs>; readonly redis: Redis; readonly prefix: string },
  sql: Database | undefined,
): () => Promise<Stats> {
  const inspector = createInspector(redis, queue.name, { prefix })
  const store = sql && createPaymentStore(sql)
  // Counting needs no key: nothing that is encrypted is read.
  const webhooks = sql && new WebhookStore(sql, { encryptionKeys: [] })
  let counts: Pick<Stats, 'payments' | 'webhooks'> = { payments: null, webhooks: null }
  let countAgainAt = 0

  /** Counting many unfinished payments takes its time, which may be a tenth at most. */
  async function count(): Promise<Pick<Stats, 'payments' | 'webhooks'>> {
    const began = performance.now()
    if (store === undefined || webhooks === undefined || began < countAgainAt) return counts
    counts = { payments: await store.counts(), webhooks: await webhooks.backlog() }
    const now = performance.now()
    countAgainAt = now + (now - began) * 9
    return counts
  }

  return async () => {
    const [stats, workers, counted] = await Promise.all([queue.stats(), inspector.consumers(), count()])
    const nextDueAt = stats.nextDueAt === undefined ? null : new Date(stats.nextDueAt).toISOString()
    return {
      at: new Date().toISOString(),
      queue: { name: queue.name, ...stats, nextDueAt },
      workers,
      ...counted,
    }
  }
}

/** The numbers as tables. */
export function formatStats({ at, queue, workers, payments, webhooks }: Stats): string {
  const { name, ready, readyByPriority, leased, delayed, parked, dead, oldestReadyMs, nextDueAt, paused } =
    queue
  const { high, default: normal, low } = readyByPriority
  const jobs = formatFacts([
    ['ready', `${ready} (high ${high}, default ${normal}, low ${low})`],
    ['oldest ready', ready === 0 ? null : formatDuration(oldestReadyMs)],
    ['leased', leased],
    ['delayed', nextDueAt === null ? delayed : `${delayed} (next ${nextDueAt.slice(0, 19)}Z)`],
    ['waiting for their ordering key', parked],
    ['dead letters', dead === 0 ? dead : { style: 'red', text: String(dead) }],
    ['paused', paused ? { style: 'yellow', text: 'yes' } : 'no'],
  ])
  const crew = workers.map(({ name: worker, leases, idleMs }) => [worker, leases, formatDuration(idleMs)])
  return formatSections([
    [`Queue ${name} at ${formatTimestamp(Date.parse(at))}`, jobs],
    ['Workers', crew.length === 0 ? 'none' : formatTable(['name', 'leases', 'idle'], crew)],
    ...(payments === null ? [] : [['Payments', formatCounts(payments)] as const]),
    ...(webhooks === null ? [] : [['Outgoing webhooks', formatBacklog(webhooks)] as const]),
  ])
}

function formatCounts(counts: PaymentCounts): string {
  const { byStatus, needsReview, unknown, oldestUnfinishedMs, isExact, isAtLeast } = counts
  const { PENDING, QUEUED, PROCESSING, SUCCESS, FAILED } = byStatus
  const about = (count: number): string | number => (isExact ? count : `about ${count}`)
  return formatFacts([
    ...Object.entries({ PENDING, QUEUED, PROCESSING, SUCCESS: about(SUCCESS), FAILED: about(FAILED) }),
    ...(isAtLeast ? [['counted', 'at least: unfinished payments are counted up to a limit'] as const] : []),
    ['outcome unknown', unknown === 0 ? unknown : { style: 'yellow', text: String(unknown) }],
    ['in review', needsReview === 0 ? needsReview : { style: 'red', text: String(needsReview) }],
    ['oldest unfinished', oldestUnfinishedMs === 0 ? null : formatDuration(oldestUnfinishedMs)],
  ])
}

function formatBacklog(backlog: WebhookBacklog): string {
  const { pending, waitingEvents, failingEndpoints, disabledEndpoints, isAtLeast } = backlog
  return formatFacts([
    ['deliveries waiting', pending],
    ['events not yet dispatched', waitingEvents],
    ...(isAtLeast ? [['counted', 'at least: counted up to a limit'] as const] : []),
    ['failing endpoints', failingEndpoints],
    ['disabled endpoints', disabledEndpoints],
  ])
}
