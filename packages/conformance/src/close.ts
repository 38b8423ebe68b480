import { settlesWithin } from '@titan/queue-core/async'
import type { Gateway } from './gateway.ts'

/** Closes gateways. One whose `close` throws or hangs fails the row about it, and holds up nothing. */
export async function closeWithin(ms: number, ...gateways: readonly Gateway[]): Promise<void> {
  await settlesWithin(Promise.all(gateways.map(async (gateway) => gateway.close?.())), ms)
}
