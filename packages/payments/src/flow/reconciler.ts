import { createInspector, partitionOf, type JobView, type Queue } from '@titan/queue-core'
import { startPolling, type Loop } from '@titan/queue-core/async'
import type { Redis } from '@titan/service'
import type { OnPaymentsEvent } from '../domain/events.ts'
import { jobIdOf } from '../domain/identifiers.ts'
import type { DueJob, FindJobs, FoundJob, UnfinishedCursor } from '../store/jobs.ts'
import { partitionNames, readRedisEpoch, type Epoch } from '../store/queue-record.ts'
import type { PaymentStore } from '../store/store.ts'
import { passStep } from '../tracing.ts'
import { expirePayments } from './expiry.ts'
import { createOverdueGuard } from './overdue-guard.ts'
import { payJob, type PaymentJobs } from './pay-job.ts'

export interface ReconcilerOptions {
  readonly store: Pick<
    PaymentStore,
    | 'claim'
    | 'expireDue'
    | 'findExpired'
    | 'readEpochs'
    | 'settle'
    | 'takeLost'
    | 'unfinishedJobs'
    | 'wakeWaiting'
    | 'writeEpochs'
  >
  readonly queue: Pick<Queue<PaymentJobs>, 'name' | 'enqueueMany' | 'stats'>
  /** The same Redis, connected. Without it a wiped Redis is noticed by the age of the payments only, and a job that waits with its worker gets a duplicate. @default none */
  readonly redis?: Pick<Redis, 'client' | 'send'> | undefined
  /** First part of the queue's keys. @default 'titan' */
  readonly prefix?: string | undefined
  /** Partitions of the queue. @default 1 */
  readonly partitions?: number | undefined
  /** Milliseconds between two runs. @default 2000 */
  readonly intervalMs?: number | undefined
  /** A QUEUED payment that is due for longer than this, and than the oldest waiting job, has lost its job. @default 30000 */
  readonly queuedGraceMs?: number | undefined
  /** A PROCESSING payment whose lease or question is overdue for longer than this, and than the oldest waiting job, has lost its job. @default 2000 */
  readonly processingGraceMs?: number | undefined
  /** Payments per statement. @default 500 */
  readonly batchSize?: number | undefined
  /** Longest wait for Redis, in milliseconds. @default 5000 */
  readonly timeoutMs?: number | undefined
  /** Shown as the actor of events. @default 'reconciler' */
  readonly actor?: string | undefined
  /** @default none */
  readonly onEvent?: OnPaymentsEvent | undefined
}

export interface Rebuilt {
  /** Payments that got a job. */
  readonly added: number
  /** Payments whose job was there, or was done lately. */
  readonly present: number
}

/** A partition of the queue, and the guard of what is asked of its server. */
interface Partition {
  readonly name: string
  readonly guard: ReturnType<typeof createOverdueGuard>
}

/** How much older than the oldest waiting job a payment must be: the two ages are read one after the other. */
const MARGIN_MS = 5_000

/**
 * Finds payments whose job is gone and gives them one. Any number of reconcilers may run. They notice a lost job in two
 * ways. A Redis that is not the one it was (wiped, restarted, restored, failed over) makes them hand in every unfinished
 * payment of the partitions that it holds, under its present job id: what is still there answers `duplicate`, so only what
 * is missing is added. And a payment that has
 * been due for longer than anything in the queue has waited, and whose job Redis does not have, gets a job of a new id,
 * which not even a stale marker can hold back.
 *
 * A payment that waits for capture, customer or gateway has no job to lose: it gets one when its next step is due.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #batchSize: number
  readonly #onEvent: OnPaymentsEvent
  readonly #guard: ReturnType<typeof createOverdueGuard>
  readonly #findJobs: FindJobs | undefined
  /** One for each: a server that is away holds up no look at the others. */
  readonly #partitions: readonly Partition[]
  #loop: Loop | undefined

  constructor(options: ReconcilerOptions) {
    const { batchSize = 500, timeoutMs = 5_000, partitions = 1, onEvent = () => {} } = options
    this.#options = options
    this.#batchSize = batchSize
    this.#onEvent = onEvent
    this.#guard = createOverdueGuard(timeoutMs)
    this.#partitions = partitionNames(options.queue.name, partitions).map((name) => {
      return { name, guard: createOverdueGuard(timeoutMs) }
    })
    this.#findJobs = options.redis && this.#findJobsIn(options.redis.client)
  }

  /** Looks once; resolves with how many payments got a job. */
  async runOnce(): Promise<number> {
    const { store, actor = 'reconciler' } = this.#options
    // First, because it needs no Redis.
    await expirePayments({ store, actor, limit: this.#batchSize, onEvent: this.#onEvent })
    const rebuilt = await this.#rebuildChanged()
    const backlogMs = await this.#readBacklogMs()
    return rebuilt + (await this.#replaceLost(backlogMs)) + (await this.#wakeWaiting(backlogMs))
  }

  /**
   * Hands in the job of every payment that is QUEUED or PROCESSING, whether or not Redis looks as it did. Adds what is
   * missing only, so it may be repeated. Calls `onProgress` after each batch.
   */
  async rebuild(onProgress: (soFar: Rebuilt) => void = () => {}): Promise<Rebuilt> {
    // Read first: a Redis that is lost meanwhile is another one.
    const { epochs, failures } = await this.#readEpochs()
    if (failures.length > 0) throw failures[0]
    return this.#rebuild(epochs, () => true, onProgress)
  }

  start(): void {
    this.#loop ??= startPolling({
      intervalMs: this.#options.intervalMs ?? 2_000,
      run: async () => (await this.runOnce()) >= this.#batchSize,
      onError: (error) => this.#onEvent({ type: 'error', source: 'reconciler', error }),
    })
  }

  /** Ends the loop, after what is under way. */
  async stop(): Promise<void> {
    const loop = this.#loop
    this.#loop = undefined
    await loop?.stop()
  }

  /** Reads which Redis holds each partition, as far as it can be asked. Without a client nothing is known. */
  async #readEpochs() {
    const { redis, prefix = 'titan' } = this.#options
    const epochs = new Map<string, Epoch>()
    const failures: unknown[] = []
    const read = async ({ name, guard }: Partition): Promise<void> => {
      try {
        if (redis !== undefined)
          epochs.set(name, await guard(() => readRedisEpoch(redis, `${prefix}:{${name}}:epoch`)))
      } catch (error) {
        failures.push(error)
      }
    }
    await Promise.all(this.#partitions.map(read))
    return { epochs, failures }
  }

  /** Rebuilds the partitions whose Redis changed; one that cannot be asked is reported after the others are whole again. */
  async #rebuildChanged(): Promise<number> {
    const { epochs, failures } = await this.#readEpochs()
    const changed = await this.#findChanged(epochs)
    const isChanged = (job: DueJob): boolean => changed.has(this.#partitionOf(job))
    const rebuilt = changed.size > 0 ? await this.#rebuild(changed, isChanged) : undefined
    if (failures.length > 0) throw failures[0]
    return rebuilt?.added ?? 0
  }

  async #findChanged(epochs: ReadonlyMap<string, Epoch>): Promise<ReadonlyMap<string, Epoch>> {
    if (epochs.size === 0) return epochs
    const before = await this.#options.store.readEpochs([...epochs.keys()])
    return new Map([...epochs].filter(([name, now]) => !isSame(before.get(name), now)))
  }

  #partitionOf({ paymentId, scheduleNo }: DueJob): string {
    const index = partitionOf(jobIdOf(paymentId, scheduleNo), this.#partitions.length)
    return this.#partitions[index]?.name ?? ''
  }

  async #rebuild(
    epochs: ReadonlyMap<string, Epoch>,
    isMeant: (job: DueJob) => boolean,
    onProgress: (soFar: Rebuilt) => void = () => {},
  ): Promise<Rebuilt> {
    const rebuilt = await this.#enqueueAll(isMeant, onProgress)
    passStep('reconciler.rebuilt', () => [])
    // Only now: if this run dies, the next one begins again.
    if (epochs.size > 0) await this.#options.store.writeEpochs(epochs)
    this.#onEvent({ type: 'queue_rebuilt', count: rebuilt.added })
    return rebuilt
  }

  async #enqueueAll(
    isMeant: (job: DueJob) => boolean,
    onProgress: (soFar: Rebuilt) => void,
  ): Promise<Rebuilt> {
    const { store, queue } = this.#options
    let [added, present] = [0, 0]
    for (const status of ['QUEUED', 'PROCESSING'] as const) {
      let after: UnfinishedCursor | undefined
      do {
        const { jobs, next } = await store.unfinishedJobs(status, after, this.#batchSize)
        const meant = jobs.filter(isMeant).map(payJob)
        const enqueued = meant.length > 0 ? await this.#guard(() => queue.enqueueMany(meant)) : []
        const fresh = enqueued.filter(({ duplicate }) => !duplicate).length
        added += fresh
        present += enqueued.length - fresh
        onProgress({ added, present })
        after = next
      } while (after !== undefined)
    }
    return { added, present }
  }

  async #replaceLost(backlogMs: number): Promise<number> {
    const { store, queuedGraceMs = 30_000, processingGraceMs = 2_000 } = this.#options
    const lost = await store.takeLost({
      limit: this.#batchSize,
      queuedAgeMs: Math.max(queuedGraceMs, backlogMs),
      processingAgeMs: Math.max(processingGraceMs, backlogMs),
      actor: this.#options.actor ?? 'reconciler',
      findJobs: this.#findJobs,
    })
    if (lost.length > 0) await this.#enqueue(lost, 'requeued')
    return lost.length
  }

  async #wakeWaiting(backlogMs: number): Promise<number> {
    const { store, processingGraceMs = 2_000 } = this.#options
    const due = await store.wakeWaiting({
      limit: this.#batchSize,
      ageMs: Math.max(processingGraceMs, backlogMs),
      actor: this.#options.actor ?? 'reconciler',
      findJobs: this.#findJobs,
    })
    if (due.length > 0) await this.#enqueue(due, 'woken')
    return due.length
  }

  /** Also asks whether Redis is there at all, before payments are taken for it. */
  async #readBacklogMs(): Promise<number> {
    const { oldestReadyMs } = await this.#guard(() => this.#options.queue.stats())
    return oldestReadyMs > 0 ? oldestReadyMs + MARGIN_MS : 0
  }

  async #enqueue(due: readonly DueJob[], type: 'requeued' | 'woken'): Promise<void> {
    const ids = due.map(({ paymentId }) => paymentId)
    passStep('reconciler.taken', () => ids)
    await this.#guard(() => this.#options.queue.enqueueMany(due.map(payJob)))
    passStep('reconciler.enqueued', () => ids)
    this.#onEvent({ type, count: due.length })
  }

  #findJobsIn(client: Redis['client']): FindJobs {
    const { prefix = 'titan', partitions = 1, queue } = this.#options
    const inspector = createInspector(client, queue.name, { prefix, partitions })
    return async (jobs) => {
      const ids = jobs.map(({ paymentId, scheduleNo }) => jobIdOf(paymentId, scheduleNo))
      const views = await this.#guard(() => Promise.all(ids.map((id) => inspector.find(id))))
      return new Map(jobs.map(({ paymentId }, index) => [paymentId, foundOf(views[index])]))
    }
  }
}

function isSame(before: Epoch | undefined, now: Epoch): boolean {
  return before?.epoch === now.epoch && before.runId === now.runId
}

/** A delayed job that is due later than this, in milliseconds, is not the one that a due payment needs. */
const DELAYED_MS = 60_000

/** A job that waits in the queue or with a worker is not lost, however long it waits. */
function foundOf(view: JobView | 'done' | undefined): FoundJob | undefined {
  if (view === undefined || view === 'done') return undefined
  const isHeld = view.state === 'leased'
  const delayMs = view.state === 'delayed' ? Math.max(0, (view.dueAt ?? Infinity) - Date.now()) : 0
  return delayMs > DELAYED_MS ? undefined : { isHeld, delayMs }
}

export function createReconciler(options: ReconcilerOptions): Reconciler {
  return new Reconciler(options)
}
