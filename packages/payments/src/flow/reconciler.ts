import { createInspector, type JobView, type Queue, type RedisClient } from '@titan/queue-core'
import { createEpochReader } from '../store/epoch.ts'
import type { OnPaymentsEvent } from '../domain/events.ts'
import { jobIdOf } from '../domain/identifiers.ts'
import { createLoop } from './loop.ts'
import { createPatience } from './overdue-guard.ts'
import { payJob, type PaymentJobs } from './pay-job.ts'
import type { FindJobs, JobPlace } from '../store/jobs.ts'
import type { UnfinishedCursor } from '../store/jobs.ts'
import { passStep } from '../tracing.ts'
import type { PaymentStore } from '../store/store.ts'

/** Options of {@link createReconciler}. */
export interface ReconcilerOptions {
  readonly store: Pick<PaymentStore, 'takeLost' | 'unfinishedJobs' | 'readEpoch' | 'writeEpoch'>
  readonly queue: Pick<Queue<PaymentJobs>, 'name' | 'enqueueMany' | 'stats'>
  /** A connected client of the same Redis. Without one a wiped Redis is noticed by the age of the payments only, and a job that waits with its worker gets a duplicate. @default none */
  readonly redis?: RedisClient
  /** First part of the queue's keys. @default 'titan' */
  readonly prefix?: string
  /** Milliseconds between two runs. @default 2000 */
  readonly intervalMs?: number
  /** A QUEUED payment that is due for longer than this, and than the oldest waiting job, has lost its job. @default 30000 */
  readonly queuedGraceMs?: number
  /** A PROCESSING payment whose lease or question is overdue for longer than this, and than the oldest waiting job, has lost its job. @default 2000 */
  readonly processingGraceMs?: number
  /** Payments per statement. @default 500 */
  readonly batchSize?: number
  /** Longest wait for Redis, in milliseconds. @default 5000 */
  readonly timeoutMs?: number
  /** Shown as the actor of events. @default 'reconciler' */
  readonly actor?: string
  /** @default none */
  readonly onEvent?: OnPaymentsEvent
}

/** How far a rebuild of the queue has come. */
export interface Rebuilt {
  /** Payments that got a job. */
  readonly added: number
  /** Payments whose job was there, or was done lately. */
  readonly present: number
}

/** Finds payments whose job is gone and gives them one. Any number of reconcilers may run. */
export interface Reconciler {
  /** One look; answers how many payments got a job. */
  runOnce(): Promise<number>
  /**
   * Hands in the job of every payment that is QUEUED or PROCESSING, whether or not Redis looks as it did. Adds what is
   * missing only, so it may be repeated.
   *
   * @param onProgress called after each batch
   */
  rebuild(onProgress?: (soFar: Rebuilt) => void): Promise<Rebuilt>
  start(): void
  /** Ends the loop, after what is under way. */
  stop(): Promise<void>
}

/** How much older than the oldest waiting job a payment must be: the two ages are read one after the other. */
const MARGIN_MS = 5_000

/** A delayed job that is due later than this, in milliseconds, is not the one that a due payment needs. */
const DELAYED_MS = 60_000

/** A job that waits in the queue or with a worker is not lost, however long it waits. */
function placeOf(view: JobView | 'done' | undefined): JobPlace | undefined {
  if (view === undefined || view === 'done') return undefined
  if (view.state === 'leased') return 'held'
  if (view.state === 'delayed') {
    const { dueAt = Infinity } = view
    return dueAt - Date.now() <= DELAYED_MS ? 'waiting' : undefined
  }
  return 'waiting'
}

/**
 * Two ways to notice a lost job. A Redis that is not the one it was (wiped, restarted, restored) makes it hand in every
 * unfinished payment under its present job id: what is still there answers `duplicate`, so only what is missing
 * is added. And a payment that has been due for longer than anything in the queue has waited, and whose job Redis does not
 * have, gets a job of a new id, which not even a stale marker can hold back.
 */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  const {
    store,
    queue,
    redis,
    prefix = 'titan',
    intervalMs = 2_000,
    batchSize = 500,
    timeoutMs = 5_000,
  } = options
  const {
    queuedGraceMs = 30_000,
    processingGraceMs = 2_000,
    actor = 'reconciler',
    onEvent = () => {},
  } = options
  const patience = createPatience(timeoutMs)
  const epochs = redis && createEpochReader(redis, `${prefix}:{${queue.name}}:epoch`)

  const inspector = redis && createInspector(redis, queue.name, { prefix })

  const findJobs: FindJobs | undefined =
    inspector &&
    (async (jobs) => {
      const views = await patience.wait(() =>
        Promise.all(jobs.map(({ paymentId, scheduleNo }) => inspector.find(jobIdOf(paymentId, scheduleNo)))),
      )
      const places = jobs.map(({ paymentId }, index) => [paymentId, placeOf(views[index])] as const)
      return new Map(places.filter((entry): entry is [string, JobPlace] => entry[1] !== undefined))
    })

  async function rebuildIfChanged(): Promise<number> {
    if (epochs === undefined) return 0
    const now = await patience.wait(() => epochs.read())
    const before = await store.readEpoch(queue.name)
    if (before?.epoch === now.epoch && before.runId === now.runId) return 0
    const { added } = await enqueueAll(() => {})
    passStep('reconciler.rebuilt', () => [])
    // Only now: if this run dies, the next one begins again.
    await store.writeEpoch(queue.name, now)
    onEvent({ type: 'queue_rebuilt', count: added })
    return added
  }

  async function rebuild(onProgress: (soFar: Rebuilt) => void = () => {}): Promise<Rebuilt> {
    // Read first: a Redis that is lost meanwhile is another one.
    const now = epochs && (await patience.wait(() => epochs.read()))
    const rebuilt = await enqueueAll(onProgress)
    if (now !== undefined) await store.writeEpoch(queue.name, now)
    onEvent({ type: 'queue_rebuilt', count: rebuilt.added })
    return rebuilt
  }

  async function enqueueAll(onProgress: (soFar: Rebuilt) => void): Promise<Rebuilt> {
    let [added, present] = [0, 0]
    for (const status of ['QUEUED', 'PROCESSING'] as const) {
      let after: UnfinishedCursor | undefined
      do {
        const { jobs, next } = await store.unfinishedJobs(status, after, batchSize)
        const answers = jobs.length > 0 ? await patience.wait(() => queue.enqueueMany(jobs.map(payJob))) : []
        const fresh = answers.filter(({ duplicate }) => !duplicate).length
        added += fresh
        present += answers.length - fresh
        onProgress({ added, present })
        after = next
      } while (after !== undefined)
    }
    return { added, present }
  }

  async function replaceLost(): Promise<number> {
    // Also asks whether Redis is there at all, before payments are taken for it.
    const { oldestReadyMs } = await patience.wait(() => queue.stats())
    const backlogMs = oldestReadyMs > 0 ? oldestReadyMs + MARGIN_MS : 0
    const lost = await store.takeLost({
      limit: batchSize,
      queuedAgeMs: Math.max(queuedGraceMs, backlogMs),
      processingAgeMs: Math.max(processingGraceMs, backlogMs),
      actor,
      findJobs,
    })
    if (lost.length === 0) return 0
    const ids = lost.map(({ paymentId }) => paymentId)
    passStep('reconciler.taken', () => ids)
    await patience.wait(() => queue.enqueueMany(lost.map(payJob)))
    passStep('reconciler.enqueued', () => ids)
    onEvent({ type: 'requeued', count: lost.length })
    return lost.length
  }

  async function runOnce(): Promise<number> {
    const rebuilt = await rebuildIfChanged()
    return rebuilt + (await replaceLost())
  }

  const loop = createLoop({
    intervalMs,
    run: async () => (await runOnce()) >= batchSize,
    onError: (error) => onEvent({ type: 'error', source: 'reconciler', error }),
  })
  return { runOnce, rebuild, start: loop.start, stop: loop.stop }
}
