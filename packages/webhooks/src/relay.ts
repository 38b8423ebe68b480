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
  /** There are new events: looks for them now. Calls coalesce. */
  nudge(): void
  /** An attempt is over: others may take its place. Calls coalesce. */
  nudgeDispatch(): void
  start(): void
  /** Ends the loops, after what is under way. */
  stop(): Promise<void>
}

/**
 * Two loops, so that events become deliveries although Redis is away. The schedule is in the database, so there is nothing
 * in Redis to lose: a job that never comes back leaves a lease behind that ends, and then its delivery is due again.
 */
export function createWebhookRelay(options: WebhookRelayOptions): WebhookRelay {
  const { store, queue, batchSize, maxReady, leaseMs, maxPerEndpoint, intervalMs, onEvent } = options
  const onError = (error: unknown): void => onEvent({ type: 'error', source: 'relay', error })

  async function fanOut(): Promise<boolean> {
    const fannedOut = await store.fanOut(batchSize)
    if (fannedOut > 0) {
      onEvent({ type: 'fanned_out', count: fannedOut })
      dispatching.nudge()
    }
    const ended = await store.failUnsendable(batchSize)
    if (ended > 0) onEvent({ type: 'unsendable', count: ended })
    return fannedOut === batchSize || ended === batchSize
  }

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

  const fanning = createLoop({ intervalMs, run: fanOut, onError })
  const dispatching = createLoop({ intervalMs, run: dispatch, onError })
  return {
    nudge: fanning.nudge,
    nudgeDispatch: dispatching.nudge,
    start() {
      fanning.start()
      dispatching.start()
    },
    async stop() {
      await Promise.all([fanning.stop(), dispatching.stop()])
    },
  }
}
