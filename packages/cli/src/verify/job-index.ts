import { PAYMENTS_QUEUE, type PaymentJobs } from '@titan/payments'
import { createInspector, createQueue, type EntryView, type RedisClient } from '@titan/queue-core'
import type { Place } from '../commands/queue.ts'

/** Reads the jobs of the payments' queue in Redis. */
export type JobIndex = ReturnType<typeof createJobIndex>

/** Opens an index over the queue. */
export function createJobIndex(redis: RedisClient, place: Place) {
  const inspector = createInspector(redis, PAYMENTS_QUEUE, place)
  return {
    stats: () => createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, place).stats(),
    /** Returns those of the ids that no job waits or runs under. */
    missing: (ids: readonly string[]) => inspector.missing(ids),
    /** Yields the payments that the entries of the streams name, page by page. */
    async *paymentIds() {
      for await (const page of inspector.entries()) yield page.flatMap((entry) => paymentOf(entry) ?? [])
    },
    /** Finds the entries of the streams that do more than name one payment, with the first `limit` of their ids. */
    async strangeEntries(limit: number) {
      const entries: string[] = []
      let count = 0
      for await (const page of inspector.entries()) {
        const strange = page.filter((entry) => paymentOf(entry) === undefined)
        count += strange.length
        const shown = strange.slice(0, limit - entries.length)
        entries.push(...shown.map(({ stream, entryId }) => `${stream} ${entryId}`))
      }
      return { count, entries }
    },
  }
}

/** Reads the payment that an entry names; undefined unless it is the job `pay` with the id of a payment and nothing else. */
function paymentOf({ name, data }: EntryView): string | undefined {
  if (name !== 'pay' || typeof data !== 'object' || data === null || Object.keys(data).length !== 1)
    return undefined
  return 'payment_id' in data && typeof data.payment_id === 'string' ? data.payment_id : undefined
}
