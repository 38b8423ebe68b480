import { setTimeout as pause } from 'node:timers/promises'
import {
  createPaymentStore,
  PAYMENTS_QUEUE,
  queueSettings,
  requirePartitions,
  type Database,
  type PaymentCounts,
} from '@titan/payments'
import { createInspector, createQueue, type RedisClient } from '@titan/queue-core'
import { milliseconds, toggle } from '@titan/service'
import { WebhookStore, type WebhookBacklog } from '@titan/webhooks'
import { createLogUpdate } from 'log-update'
import { command } from '../command.ts'
import {
  alarming,
  formatDuration,
  formatFacts,
  formatSections,
  formatTable,
  formatTimestamp,
} from '../output.ts'
import { untilInterrupted } from '../terminal.ts'
import { placeOf, queueSetting, type AnyJobs, type Place } from './queue.ts'

/** `titan stats`. */
export const stats = command({
  name: 'titan stats',
  description: 'Count jobs, workers and payments. Without DATABASE_URL, payments are left out.',
  settings: {
    queue: queueSetting,
    watch: toggle({ flag: 'watch', about: 'Refresh until interrupted.' }, false),
    intervalMs: milliseconds(
      { flag: 'interval-ms', about: 'Time between refreshes with --watch.' },
      { fallback: 1_000, min: 50, max: 3_600_000 },
    ),
  },
  groups: { config: queueSettings },
  async run({ queue, watch, intervalMs, json }, { config, database, print, ...session }) {
    const { client } = await session.redis()
    const sql = config.databaseUrl === undefined ? undefined : await database()
    const place = placeOf(queue, config)
    if (sql !== undefined && queue === PAYMENTS_QUEUE) await requirePartitions(sql, queue, place.partitions)
    const read = createStatsReader(client, queue, place, sql)
    const show = async (suffix = ''): Promise<void> => {
      const found = await read()
      print(found, () => `${formatStats(found)}${suffix}`)
    }
    if (!watch) await show()
    else if (json || !process.stdout.isTTY) await repeat(() => show('\n'), intervalMs)
    else {
      // In the same place of the terminal.
      const screen = createLogUpdate(process.stdout)
      await repeat(async () => screen(formatStats(await read())), intervalMs)
      screen.done()
    }
    return true
  },
})

/** Repeats work until a signal stops it, or the output is no longer read. */
async function repeat(work: () => Promise<void>, intervalMs: number): Promise<void> {
  const unread = new AbortController()
  process.stdout.once('error', () => unread.abort())
  await untilInterrupted(async (interrupted) => {
    const signal = AbortSignal.any([interrupted, unread.signal])
    while (!signal.aborted) {
      await work()
      await pause(intervalMs, undefined, { signal }).catch(() => undefined)
    }
  })
}

/** What `titan stats` counts; payments and webhooks are null when PostgreSQL was not given. */
export type Stats = Awaited<ReturnType<ReturnType<typeof createStatsReader>>>

/** Creates a reader of the numbers of a queue, for reading again and again. */
function createStatsReader(client: RedisClient, name: string, place: Place, sql: Database | undefined) {
  const queue = createQueue<AnyJobs>(client, name, place)
  const inspector = createInspector(client, name, place)
  let counts: { payments: PaymentCounts | null; webhooks: WebhookBacklog | null } = {
    payments: null,
    webhooks: null,
  }
  let countAgainAt = 0

  /** Counting many unfinished payments takes its time, which may be a tenth at most. */
  async function count(): Promise<typeof counts> {
    const began = performance.now()
    if (sql === undefined || began < countAgainAt) return counts
    // Counting needs no key: nothing that is encrypted is read.
    const webhooks = await new WebhookStore(sql, { encryptionKeys: [] }).backlog()
    counts = { payments: await createPaymentStore(sql).counts(), webhooks }
    const now = performance.now()
    countAgainAt = now + (now - began) * 9
    return counts
  }

  return async () => {
    const [found, workers, counted] = await Promise.all([queue.stats(), inspector.consumers(), count()])
    const nextDueAt = found.nextDueAt === undefined ? null : new Date(found.nextDueAt).toISOString()
    return { at: new Date().toISOString(), queue: { name, ...found, nextDueAt }, workers, ...counted }
  }
}

/** The numbers as tables. */
function formatStats({ at, queue, workers, payments, webhooks }: Stats): string {
  const { ready, readyByPriority, delayed, dead, oldestReadyMs, nextDueAt, paused } = queue
  const { high, default: normal, low } = readyByPriority
  const consumers = workers.map(({ name, leases, idleMs }) => ({
    name,
    leases,
    idle: formatDuration(idleMs),
  }))
  return formatSections({
    [`Queue ${queue.name} at ${formatTimestamp(Date.parse(at))}`]: formatFacts({
      ready: `${ready} (high ${high}, default ${normal}, low ${low})`,
      'oldest ready': ready === 0 ? null : formatDuration(oldestReadyMs),
      leased: queue.leased,
      delayed: nextDueAt === null ? delayed : `${delayed} (next ${nextDueAt.slice(0, 19)}Z)`,
      'waiting for their ordering key': queue.parked,
      'dead letters': alarming('red', dead),
      paused: paused ? { style: 'yellow', text: 'yes' } : 'no',
    }),
    Workers: formatTable(consumers),
    Payments: payments === null ? undefined : formatCounts(payments),
    'Outgoing webhooks': webhooks === null ? undefined : formatBacklog(webhooks),
  })
}

function formatCounts(counts: PaymentCounts): string {
  const { byStatus, needsReview, unknown, oldestUnfinishedMs, isExact, isAtLeast } = counts
  const about = (count: number): string | number => (isExact ? count : `about ${count}`)
  return formatFacts({
    ...byStatus,
    SUCCESS: about(byStatus.SUCCESS),
    FAILED: about(byStatus.FAILED),
    counted: isAtLeast ? 'at least: unfinished payments are counted up to a limit' : undefined,
    'outcome unknown': alarming('yellow', unknown),
    'in review': alarming('red', needsReview),
    'oldest unfinished': oldestUnfinishedMs === 0 ? null : formatDuration(oldestUnfinishedMs),
  })
}

function formatBacklog(backlog: WebhookBacklog): string {
  return formatFacts({
    'deliveries waiting': backlog.pending,
    'events not yet dispatched': backlog.waitingEvents,
    counted: backlog.isAtLeast ? 'at least: counted up to a limit' : undefined,
    'failing endpoints': backlog.failingEndpoints,
    'disabled endpoints': backlog.disabledEndpoints,
  })
}
