import { outsideOfTraces, type Database } from '@titan/payments'
import type { Queue } from '@titan/queue-core'
import { startPolling, type Loop } from '@titan/queue-core/async'
import type { OnWebhooksEvent } from '../model/events.ts'
import { dispatchDue, failUnsendable, releaseDispatches, type DispatchBatch } from '../store/dispatch.ts'
import { fanOut } from '../store/publish.ts'
import { deliverJob, type WebhookJobs } from './webhook-job.ts'

/** Options of {@link WebhookRelay}. */
export interface WebhookRelayOptions extends Omit<DispatchBatch, 'limit'> {
  readonly sql: Database
  readonly queue: Pick<Queue<WebhookJobs>, 'enqueueMany' | 'stats'>
  /** Rows per statement. */
  readonly batchSize: number
  /** Waiting jobs from which on nothing more is enqueued. */
  readonly maxReady: number
  /** Milliseconds between two looks at the tables. */
  readonly intervalMs: number
  readonly onEvent: OnWebhooksEvent
}

/**
 * Turns events into deliveries, and due deliveries into jobs. Two loops, so that events become deliveries even while Redis
 * is down. The schedule is in the database, so there is nothing in Redis to lose: the lease of a job that never ends
 * expires, and then its delivery is due again. Any number of relays may run.
 */
export class WebhookRelay {
  readonly #options: WebhookRelayOptions
  #fanOut: Loop | undefined
  #dispatch: Loop | undefined

  constructor(options: WebhookRelayOptions) {
    this.#options = options
  }

  start(): void {
    this.#fanOut = this.#poll(() => this.#fanOutOnce())
    this.#dispatch = this.#poll(() => this.#dispatchOnce())
  }

  /** Looks for new events now. Calls coalesce. */
  nudge(): void {
    this.#fanOut?.wake()
  }

  /** Looks for due deliveries now, because an attempt has ended and made room. Calls coalesce. */
  nudgeDispatch(): void {
    this.#dispatch?.wake()
  }

  /** Ends the loops after the runs under way. */
  async stop(): Promise<void> {
    await Promise.all([this.#fanOut?.stop(), this.#dispatch?.stop()])
  }

  #poll(run: () => Promise<boolean>): Loop {
    const { intervalMs, onEvent } = this.#options
    return startPolling({
      intervalMs,
      // A nudge comes from within the trace of one payment, and a run serves all of them.
      run: () => outsideOfTraces(run),
      onError: (error) => onEvent({ type: 'error', source: 'relay', error }),
    })
  }

  async #fanOutOnce(): Promise<boolean> {
    const { sql, batchSize, onEvent } = this.#options
    const fannedOut = await fanOut(sql, batchSize)
    if (fannedOut > 0) {
      onEvent({ type: 'fanned_out', count: fannedOut })
      this.nudgeDispatch()
    }
    const ended = await failUnsendable(sql, batchSize)
    if (ended > 0) onEvent({ type: 'unsendable', count: ended })
    return fannedOut === batchSize || ended === batchSize
  }

  async #dispatchOnce(): Promise<boolean> {
    const { sql, queue, batchSize, maxReady, leaseMs, maxPerEndpoint, onEvent } = this.#options
    // Also finds out whether Redis is up, before deliveries are dispatched.
    const room = Math.min(batchSize, maxReady - (await queue.stats()).ready)
    if (room <= 0) return false
    const dispatches = await dispatchDue(sql, { limit: room, leaseMs, maxPerEndpoint })
    if (dispatches.length === 0) return false
    try {
      await queue.enqueueMany(dispatches.map(deliverJob))
    } catch (error) {
      // Jobs that did reach the queue become stale when their deliveries are dispatched again.
      await releaseDispatches(sql, dispatches)
      throw error
    }
    onEvent({ type: 'dispatched', count: dispatches.length })
    return dispatches.length === room
  }
}
