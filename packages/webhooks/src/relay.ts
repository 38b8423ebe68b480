import type { Queue } from '@titan/queue-core'
import type { DeliveryStore } from './delivery-store.ts'
import type { OnWebhooksEvent } from './events.ts'
import { createLoop } from './loop.ts'
import type { DispatchBatch } from './statements/dispatch.ts'
import { deliverJob, type WebhookJobs } from './webhook-job.ts'

/** Options of {@link createWebhookRelay}. */
export interface WebhookRelayOptions extends Omit<DispatchBatch, 'limit'> {
  readonly store: Pick<DeliveryStore, 'fanOut' | 'failUnsendable' | 'dispatchDue' | 'release'>
  readonly queue: Pick<Queue<WebhookJobs>, 'enqueueMany' | 'stats'>
  /** Rows per statement. */
  readonly batchSize: number
  /** Nothing is handed over while so many jobs wait already. */
  readonly maxReady: number
  /** Milliseconds between two looks at the tables. */
  readonly intervalMs: number
  readonly onEvent: OnWebhooksEvent
}

/** Moves events to deliveries, and due deliveries to the queue. Any number of relays may run. */
export interface WebhookRelay {
  /** Looks at the tables now. Calls coalesce. */
  nudge(): void
  /** One look; answers whether there may be more to do. Rejects when the queue or the database does. */
  runOnce(): Promise<boolean>
  start(): void
  /** Ends the loop, after what is under way. */
  stop(): Promise<void>
}

/**
 * The schedule is in the database, so there is nothing in Redis to lose: a job that never comes back leaves a lease
 * behind that ends, and then its delivery is due again.
 */
export function createWebhookRelay(options: WebhookRelayOptions): WebhookRelay {
  const { store, queue, batchSize, maxReady, leaseMs, maxPerEndpoint, intervalMs, onEvent } = options

  async function dispatch(): Promise<boolean> {
    // Also asks whether Redis is there at all, before deliveries are taken for it.
    const room = Math.min(batchSize, maxReady - (await queue.stats()).ready)
    if (room <= 0) return false
    const dispatches = await store.dispatchDue({ limit: room, leaseMs, maxPerEndpoint })
    if (dispatches.length === 0) return false
    try {
      await queue.enqueueMany(dispatches.map(deliverJob))
    } catch (error) {
      // Those that did get into the queue count no longer once they are handed over again.
      await store.release(dispatches)
      throw error
    }
    onEvent({ type: 'dispatched', count: dispatches.length })
    return dispatches.length === room
  }

  async function runOnce(): Promise<boolean> {
    const fannedOut = await store.fanOut(batchSize)
    if (fannedOut > 0) onEvent({ type: 'fanned_out', count: fannedOut })
    const ended = await store.failUnsendable(batchSize)
    if (ended > 0) onEvent({ type: 'unsendable', count: ended })
    const isFull = await dispatch()
    return isFull || fannedOut === batchSize || ended === batchSize
  }

  const loop = createLoop({
    intervalMs,
    run: runOnce,
    onError: (error) => onEvent({ type: 'error', source: 'relay', error }),
  })
  return { nudge: loop.nudge, runOnce, start: loop.start, stop: loop.stop }
}
