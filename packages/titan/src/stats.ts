import { createPaymentStore, type Database, type PaymentCounts } from '@titan/payments'
import { createInspector, type ConsumerView, type Queue, type QueueStats } from '@titan/queue-core'
import type { Redis } from '@titan/program'
import { formatDuration, formatFacts, formatMoment, formatSections, formatTable } from './output.ts'
import type { AnyJobs } from './queue-program.ts'

/** How a queue and its payments stand. */
export interface Stats {
  /** When, by this machine's clock. */
  readonly at: string
  readonly queue: Omit<QueueStats, 'nextDueAt'> & { readonly name: string; readonly nextDueAt: string | null }
  readonly workers: readonly ConsumerView[]
  /** Null when PostgreSQL was not given. */
  readonly payments: PaymentCounts | null
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
  let counts: PaymentCounts | null = null
  let countAgainAt = 0

  /** Counting many unfinished payments takes its time, which may be a tenth at most. */
  async function count(): Promise<PaymentCounts | null> {
    const began = performance.now()
    if (store === undefined || (counts !== null && began < countAgainAt)) return counts
    counts = await store.counts()
    const now = performance.now()
    countAgainAt = now + (now - began) * 9
    return counts
  }

  return async () => {
    const [stats, workers, payments] = await Promise.all([queue.stats(), inspector.consumers(), count()])
    const nextDueAt = stats.nextDueAt === undefined ? null : new Date(stats.nextDueAt).toISOString()
    return {
      at: new Date().toISOString(),
      queue: { name: queue.name, ...stats, nextDueAt },
      workers,
      payments,
    }
  }
}

/** The numbers as tables. */
export function formatStats({ at, queue, workers, payments }: Stats): string {
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
    [`Queue ${name} at ${formatMoment(Date.parse(at))}`, jobs],
    ['Workers', crew.length === 0 ? 'none' : formatTable(['name', 'leases', 'silent for'], crew)],
    ...(payments === null ? [] : [['Payments', formatCounts(payments)] as const]),
  ])
}

function formatCounts(counts: PaymentCounts): string {
  const { byStatus, needsReview, unknown, oldestUnfinishedMs, isExact, isAtLeast } = counts
  const { PENDING, QUEUED, PROCESSING, SUCCESS, FAILED } = byStatus
  const about = (count: number): string | number => (isExact ? count : `about ${count}`)
  return formatFacts([
    ...Object.entries({ PENDING, QUEUED, PROCESSING, SUCCESS: about(SUCCESS), FAILED: about(FAILED) }),
    ...(isAtLeast ? [['counted', 'at least so many: unfinished ones up to a limit'] as const] : []),
    ['outcome unknown', unknown === 0 ? unknown : { style: 'yellow', text: String(unknown) }],
    ['in review', needsReview === 0 ? needsReview : { style: 'red', text: String(needsReview) }],
    ['oldest unfinished', oldestUnfinishedMs === 0 ? null : formatDuration(oldestUnfinishedMs)],
  ])
}
