import { outsideOfTraces, type Database } from '@titan/payments'
import { startPolling, type Loop } from '@titan/queue-core/async'
import type { OnWebhooksEvent } from '../model/events.ts'
import { prune } from '../store/prune.ts'

/** Options of {@link startPruner}. */
export interface PrunerOptions {
  readonly sql: Database
  /** How long events are kept, in milliseconds. */
  readonly retentionMs: number
  /** Milliseconds between two walks through old events. @default 3600000 */
  readonly intervalMs?: number | undefined
  readonly onEvent: OnWebhooksEvent
}

/** Events per statement, with all their deliveries and attempts. */
const BATCH_SIZE = 200

/** Starts to delete what is older than the retention, in small batches. Any number of pruners may run. */
export function startPruner({ sql, retentionMs, intervalMs = 3_600_000, onEvent }: PrunerOptions): Loop {
  let after = ''
  return startPolling({
    intervalMs,
    run: () =>
      outsideOfTraces(async () => {
        const { count, last } = await prune(sql, { retentionMs, after, limit: BATCH_SIZE })
        if (count > 0) onEvent({ type: 'pruned', count })
        after = last ?? ''
        return last !== undefined
      }),
    onError: (error) => onEvent({ type: 'error', source: 'pruner', error }),
  })
}
