import type { Books } from './books.ts'
import type { Charge, Schedule, SettledEntry } from './ledger-entry.ts'
import { decline, newId, succeed, type PaymentIntent } from './payment-intent.ts'
import type { WebhookSender } from './webhooks.ts'

/** Brings about the outcomes that come later. */
export interface Scheduler {
  arm(schedule: Schedule): void
  /** Forgets the timers; the ledger remembers what is due. Idempotent. */
  close(): Promise<void>
}

/** Options of {@link createScheduler}. */
export interface SchedulerOptions {
  readonly books: Books
  readonly webhooks: WebhookSender
  readonly record: (entry: SettledEntry) => Promise<void>
}

/** Makes a scheduler that knows what the books say is still to come. */
export function createScheduler({ books, webhooks, record }: SchedulerOptions): Scheduler {
  const timers = new Map<string, NodeJS.Timeout>()
  const settling = new Set<Promise<void>>()
  let isClosed = false

  async function settle({ intentId, final, webhook }: Schedule): Promise<void> {
    const intent = books.intents.get(intentId)
    if (intent === undefined) return
    const settled = final.type === 'charge' ? succeed(intent) : decline(intent, final.code)
    const charge =
      final.type === 'charge' ? chargeOf(settled, books.keyOfIntent.get(intentId) ?? null, Date.now()) : null
    await record({ type: 'settled', at: Date.now(), intent: settled, charge })
    // The event of the state before, when it was held back, comes after the last one.
    void webhooks
      .send(settled, webhook)
      .then(() => (webhook.reversed === true ? webhooks.send(intent, webhook) : undefined))
  }

  function arm(schedule: Schedule): void {
    if (isClosed) return
    const run = (): void => {
      timers.delete(schedule.intentId)
      const promise = settle(schedule)
        // A ledger that cannot be written settles nothing; the next start finds the schedule again.
        .catch(() => {})
        .finally(() => settling.delete(promise))
      settling.add(promise)
    }
    timers.set(schedule.intentId, setTimeout(run, Math.max(0, schedule.dueAt - Date.now())))
  }

  for (const schedule of books.schedules.values()) arm(schedule)
  return {
    arm,
    async close() {
      isClosed = true
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
      await Promise.all(settling)
    },
  }
}

/** The charge of an intent that has just succeeded. */
export function chargeOf(intent: PaymentIntent, key: string | null, at: number): Charge {
  return {
    id: intent.latest_charge ?? newId('ch'),
    at,
    intentId: intent.id,
    key,
    reference: intent.metadata['payment_id'] ?? null,
    amount: intent.amount,
    currency: intent.currency,
  }
}
