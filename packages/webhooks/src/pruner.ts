import type { DeliveryStore } from './delivery-store.ts'
import type { OnWebhooksEvent } from './events.ts'
import { createLoop, type Loop } from './loop.ts'

/** Options of {@link createPruner}. */
export interface PrunerOptions {
  readonly store: Pick<DeliveryStore, 'prune'>
  /** How long events are kept, in milliseconds. */
  readonly retentionMs: number
  /** Milliseconds between two walks through what is old. @default 3600000 */
  readonly intervalMs: number | undefined
  readonly onEvent: OnWebhooksEvent
}

const HOUR_MS = 3_600_000

/** Events per statement, with all their deliveries and attempts. */
const BATCH_SIZE = 200

/** Deletes what is older than the retention, in small batches. Any number of pruners may run. */
export function createPruner(options: PrunerOptions): Loop {
  const { store, retentionMs, intervalMs = HOUR_MS, onEvent } = options
  let after = ''

  async function run(): Promise<boolean> {
    const { count, last } = await store.prune({ retentionMs, after, limit: BATCH_SIZE })
    if (count > 0) onEvent({ type: 'pruned', count })
    after = last ?? ''
    return last !== undefined
  }

  return createLoop({
    intervalMs,
    run,
    onError: (error) => onEvent({ type: 'error', source: 'pruner', error }),
  })
}
