import { outsideOfTraces, type Database } from '@titan/payments'
import type { Queue } from '@titan/queue-core'
import { startPolling, type Loop } from '@titan/queue-core/async'
import type { OnWebhooksEvent } from '../model/events.ts'
import { dispatchDue, failUnsendable, releaseDispatches, type DispatchBatch } from '../store/attempts.ts'
import { fanOut, prune } from '../store/event-store.ts'
import { deliverJob, type WebhookJobs } from './deliver.ts'

/** Options of {@link WebhookRelay}. */
export interface WebhookRelayOptions extends Omit<DispatchBatch, 'most'> {
  readonly sql: Database
  readonly queue: Pick<Queue<WebhookJobs>, 'enqueueMany' | 'stats'>
  /** Waiting jobs from which on nothing more is enqueued. */
  readonly maxReady: number
  /** Milliseconds between two looks at the tables. */
  readonly intervalMs: number
  readonly onEvent: OnWebhooksEvent
}

/** Rows per statement. */
const BATCH_SIZE = 500

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

  start() {
    this.#fanOut = this.#poll(() => this.#fanOutOnce())
    this.#dispatch = this.#poll(() => this.#dispatchOnce())
  }

  /** Looks for new events now. Calls coalesce. */
  nudge() {
    this.#fanOut?.wake()
  }

  /** Looks for due deliveries now, because an attempt has ended and made room. Calls coalesce. */
  nudgeDispatch() {
    this.#dispatch?.wake()
  }

  /** Ends the loops after the runs under way. */
  async stop() {
    await Promise.all([this.#fanOut?.stop(), this.#dispatch?.stop()])
  }

  #poll(run: () => Promise<boolean>) {
    const { intervalMs, onEvent } = this.#options
    return startPolling({
      intervalMs,
      // A nudge comes from within the trace of one payment, and a run serves all of them.
      run: () => outsideOfTraces(run),
      onError: (error) => onEvent({ type: 'error', source: 'relay', error }),
    })
  }

  async #fanOutOnce() {
    const { sql, onEvent } = this.#options
    const fannedOut = await fanOut(sql, BATCH_SIZE)
    if (fannedOut > 0) {
      onEvent({ type: 'fanned_out', count: fannedOut })
      this.nudgeDispatch()
    }
    const ended = await failUnsendable(sql, BATCH_SIZE)
    if (ended > 0) onEvent({ type: 'unsendable', count: ended })
    return fannedOut === BATCH_SIZE || ended === BATCH_SIZE
  }

  async #dispatchOnce() {
    const { sql, queue, maxReady, leaseMs, maxPerEndpoint, onEvent } = this.#options
    // Also finds out whether Redis is up, before deliveries are dispatched.
    const room = Math.min(BATCH_SIZE, maxReady - (await queue.stats()).ready)
    if (room <= 0) return false
    const dispatches = await dispatchDue(sql, { most: room, leaseMs, maxPerEndpoint })
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

/** Events per statement, with all their deliveries and attempts. */
const PRUNED_AT_ONCE = 200

/** Starts to delete events older than `retentionMs`, in small batches. Any number of pruners may run. */
export function startPruner(
  sql: Database,
  retentionMs: number,
  intervalMs: number,
  onEvent: OnWebhooksEvent,
) {
  let after = ''
  async function pruneOnce() {
    const { count, last } = await prune(sql, { retentionMs, after, most: PRUNED_AT_ONCE })
    if (count > 0) onEvent({ type: 'pruned', count })
    after = last ?? ''
    return last !== undefined
  }
  return startPolling({
    intervalMs,
    run: () => outsideOfTraces(pruneOnce),
    onError: (error) => onEvent({ type: 'error', source: 'pruner', error }),
  })
}
