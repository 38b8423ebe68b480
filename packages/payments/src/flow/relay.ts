import type { Queue } from '@titan/queue-core'
import { createBatcher, startPolling, type Batcher, type Loop } from '@titan/queue-core/async'
import type { OnPaymentsEvent } from '../domain/events.ts'
import type { PaymentPriority } from '../domain/request.ts'
import type { PendingPayment } from '../store/jobs.ts'
import type { PaymentStore } from '../store/store.ts'
import { activeTraceparent, outsideOfTraces, passStep } from '../tracing.ts'
import { createOverdueGuard } from './overdue-guard.ts'
import { payJob, type PaymentJobs } from './pay-job.ts'

export interface RelayOptions {
  readonly store: Pick<PaymentStore, 'relayPending' | 'markQueued'>
  readonly queue: Pick<Queue<PaymentJobs>, 'enqueueMany'>
  /** Payments per round trip. @default 500 */
  readonly batchSize?: number | undefined
  /** Milliseconds between two looks at the table. @default 500 */
  readonly intervalMs?: number | undefined
  /** The loop leaves younger payments to the program that created them. @default 1000 */
  readonly minAgeMs?: number | undefined
  /** Longest wait for the queue, in milliseconds: rows are locked meanwhile. @default 2000 */
  readonly timeoutMs?: number | undefined
  /** Shown as the actor of events. @default 'relay' */
  readonly actor?: string | undefined
  /** @default none */
  readonly onEvent?: OnPaymentsEvent | undefined
}

/** Nudged payments beyond this many that wait, for their job or for their mark, are left to a loop, here or in a worker, which finds them by state. */
const MAX_NUDGED = 10_000
/** After a failure nudged payments are left to the loop for this long, in milliseconds. */
const COOL_DOWN_MS = 1_000
/**
 * About how long nudged payments that have their job wait at most for the mark QUEUED, in milliseconds. A claim writes that
 * step too, so a payment which a worker begins meanwhile is spared a row version, and its job does not wait for the commit.
 */
const MARK_AFTER_MS = 200

/**
 * Moves PENDING payments into the queue. Any number of relays may run. The jobs are in the queue before the payments are
 * marked, so a crash leaves a duplicate, never a gap.
 */
export class Relay {
  readonly #options: RelayOptions
  readonly #batchSize: number
  readonly #actor: string
  readonly #onEvent: OnPaymentsEvent
  readonly #guard: ReturnType<typeof createOverdueGuard>
  readonly #nudged: Batcher<PendingPayment>
  #unmarked: string[] = []
  #markTimer: NodeJS.Timeout | undefined
  #marking: Promise<void> = Promise.resolve()
  #loop: Loop | undefined
  #isStopped = false
  #coolUntil = 0

  constructor(options: RelayOptions) {
    const { batchSize = 500, timeoutMs = 2_000, actor = 'relay', onEvent = () => {} } = options
    this.#options = options
    this.#batchSize = batchSize
    this.#actor = actor
    this.#onEvent = onEvent
    this.#guard = createOverdueGuard(timeoutMs)
    this.#nudged = createBatcher((payments) => this.#relayNudged(payments), { maxItems: batchSize })
  }

  /**
   * Relays these payments at once, in the trace of the caller, without asking the database for them. Calls coalesce.
   * A failure is reported and left to the loop.
   */
  nudge(paymentIds: readonly string[], priority?: PaymentPriority): void {
    if (!this.#isTaking() || this.#nudged.waiting >= MAX_NUDGED) return
    const traceparent = activeTraceparent()
    outsideOfTraces(() => {
      for (const id of paymentIds) this.#nudged.push({ id, traceparent, priority })
    })
  }

  /** Relays one batch, oldest first, whatever its age; resolves with how many. Rejects when the queue or the database does. */
  runOnce(): Promise<number> {
    return this.#sweep(0)
  }

  start(): void {
    const { intervalMs = 500, minAgeMs = 1_000 } = this.#options
    this.#isStopped = false
    this.#loop ??= startPolling({
      intervalMs,
      run: async () => (await this.#sweep(minAgeMs)) === this.#batchSize,
      onError: (error) => this.#onEvent({ type: 'error', source: 'relay', error }),
    })
  }

  /** Ends the loop, after what is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    const loop = this.#loop
    this.#loop = undefined
    await Promise.all([loop?.stop(), this.#markTheRest()])
  }

  /** Payments that are not taken stay PENDING in the table, where the loop finds them. */
  #isTaking(): boolean {
    return !this.#isStopped && performance.now() >= this.#coolUntil
  }

  async #sweep(minAgeMs: number): Promise<number> {
    const count = await this.#options.store.relayPending({
      limit: this.#batchSize,
      minAgeMs,
      actor: this.#actor,
      enqueue: (payments) => this.#enqueue(payments),
    })
    if (count > 0) passStep('relay.marked', () => [])
    return count
  }

  async #enqueue(payments: readonly PendingPayment[]): Promise<void> {
    const ids = payments.map(({ id }) => id)
    passStep('relay.enqueuing', () => ids)
    const jobs = payments.map(({ id, ...job }) =>
      payJob({ paymentId: id, scheduleNo: 0, delayMs: 0, ...job }),
    )
    await this.#guard(() => this.#options.queue.enqueueMany(jobs))
    passStep('relay.enqueued', () => ids)
    this.#onEvent({ type: 'relayed', count: ids.length })
  }

  async #relayNudged(payments: readonly PendingPayment[]): Promise<void> {
    if (!this.#isTaking()) return
    try {
      await this.#enqueue(payments)
    } catch (error) {
      return this.#fail(error)
    }
    if (this.#unmarked.length < MAX_NUDGED) this.#unmarked.push(...payments.map(({ id }) => id))
    if (!this.#isStopped) this.#markTimer ??= setTimeout(() => this.#markLater(), MARK_AFTER_MS)
  }

  /** While marks are under way the next ones gather. */
  #markLater(): void {
    this.#markTimer = undefined
    this.#marking = this.#marking.then(() => this.#markAll())
  }

  /** Marks all that wait now: one batch each time would limit how many payments can be accepted in a second. */
  async #markAll(): Promise<void> {
    for (let left = this.#unmarked.length; left > 0; left -= this.#batchSize) {
      const ids = this.#unmarked.splice(0, this.#batchSize)
      // A failure meanwhile has left them to the loop.
      if (ids.length === 0) return
      try {
        await this.#options.store.markQueued(ids, this.#actor)
        passStep('relay.marked', () => ids)
      } catch (error) {
        this.#fail(error)
      }
    }
  }

  async #markTheRest(): Promise<void> {
    await this.#nudged.idle()
    clearTimeout(this.#markTimer)
    this.#markTimer = undefined
    await this.#marking
    await this.#markAll()
  }

  #fail(error: unknown): void {
    this.#unmarked = []
    this.#coolUntil = performance.now() + COOL_DOWN_MS
    this.#onEvent({ type: 'error', source: 'relay', error })
  }
}

export function createRelay(options: RelayOptions): Relay {
  return new Relay(options)
}
