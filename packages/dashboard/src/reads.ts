import {
  createPaymentStore,
  type Database,
  type ListFilter,
  type Payment,
  type PaymentAttempt,
  type PaymentEvent,
  type PaymentPage,
  type PaymentStore,
  type RecordedBreak,
} from '@titan/payments'
import {
  searchDeadLetters,
  type ConsumerView,
  type DeadLetter,
  type DeadLettersFound,
  type JobView,
  type QueueStats,
} from '@titan/queue-core'
import {
  createWebhookStore,
  type WebhookBacklog,
  type WebhookDelivery,
  type WebhookEvent,
} from '@titan/webhooks'
import type { Cache } from './cache.ts'
import { isAmong, type LetterFilter } from './letters.ts'
import type { ObservedQueue } from './queues.ts'
import { listActs, type AuditEntry } from './audit-record.ts'
import { listHeld, listParked, type HeldPayment, type ParkedPayment } from './leases.ts'
import { countTotals, type PaymentTotals } from './totals.ts'

/** A payment with its whole history. */
export interface History {
  readonly payment: Payment
  readonly events: readonly PaymentEvent[]
  readonly attempts: readonly PaymentAttempt[]
  readonly breaks: readonly RecordedBreak[]
  readonly webhooks: readonly {
    readonly event: WebhookEvent
    readonly deliveries: readonly WebhookDelivery[]
  }[]
}

/** Reads what the pages show. Each read is bounded and shared between viewers for a second. */
export interface Reads {
  totals(): Promise<PaymentTotals>
  stats(queue: ObservedQueue): Promise<QueueStats>
  consumers(queue: ObservedQueue): Promise<ConsumerView[]>
  leasedJobs(queue: ObservedQueue): Promise<JobView[]>
  heldPayments(): Promise<HeldPayment[]>
  webhookBacklog(): Promise<WebhookBacklog>
  parkedPayments(): Promise<ParkedPayment[]>
  payments(filter: ListFilter): Promise<PaymentPage>
  history(id: string): Promise<History | undefined>
  letters(queue: ObservedQueue, filter: LetterFilter, after: string | undefined): Promise<DeadLettersFound>
  letter(queue: ObservedQueue, letterId: string): Promise<DeadLetter | undefined>
  acts(before: number | undefined): Promise<AuditEntry[]>
}

/** Rows of one page of a list. */
export const PAGE_ROWS = 50
/** Rows of the lists that have no pages. */
export const LIST_ROWS = 200
/** Dead letters that one search examines at most. */
const SCAN_LETTERS = 2_000
const WEBHOOK_EVENTS = 50

/** Creates the reads over the dashboard's pool. */
export function createReads(sql: Database, cache: Cache): Reads {
  const store: PaymentStore = createPaymentStore(sql)
  // Reading needs no key: nothing that is shown is encrypted.
  const webhooks = createWebhookStore(sql, { encryptionKeys: [] })

  async function readHistory(id: string): Promise<History | undefined> {
    const payment = await store.get(id)
    if (payment === undefined) return undefined
    const [events, attempts, breaks, sent] = await Promise.all([
      store.events(id),
      store.attempts(id),
      store.breaks(id),
      webhooks.listEvents({ paymentId: id, limit: WEBHOOK_EVENTS }),
    ])
    const deliveries = await Promise.all(
      sent.map(async (event) => ({ event, deliveries: await webhooks.deliveriesOfEvent(event.id) })),
    )
    return { payment, events, attempts, breaks, webhooks: deliveries }
  }

  return {
    totals: () => cache.get('totals', () => countTotals(store)),
    stats: ({ queue }) => cache.get(`stats ${queue.name}`, () => queue.stats()),
    consumers: ({ queue, inspector }) => cache.get(`consumers ${queue.name}`, () => inspector.consumers()),
    leasedJobs: ({ queue, inspector }) =>
      cache.get(`leased ${queue.name}`, () => inspector.peek('leased', LIST_ROWS)),
    webhookBacklog: () => cache.get('webhooks', () => webhooks.backlog()),
    heldPayments: () => cache.get('held', () => listHeld(sql, LIST_ROWS)),
    parkedPayments: () => cache.get('parked', () => listParked(sql, LIST_ROWS)),
    payments: (filter) => cache.get(`payments ${JSON.stringify(filter)}`, () => store.page(filter)),
    history: (id) => cache.get(`history ${id}`, () => readHistory(id)),
    letters: ({ queue }, filter, after) =>
      cache.get(`letters ${JSON.stringify([queue.name, filter, after])}`, () =>
        searchDeadLetters(queue, (letter) => isAmong(filter, letter), {
          after,
          limit: PAGE_ROWS,
          scanLimit: SCAN_LETTERS,
        }),
      ),
    letter: ({ queue }, letterId) =>
      cache.get(`letter ${JSON.stringify([queue.name, letterId])}`, () => queue.peekDeadLetter(letterId)),
    acts: (before) => cache.get(`acts ${before}`, () => listActs(sql, { before, limit: PAGE_ROWS + 1 })),
  }
}

/** What was read, or the failure. */
export type Reading<Value> = { readonly value: Value } | { readonly error: unknown }

/** Turns a failure into a value, for pages that show the rest without it. */
export async function attempt<Value>(reading: Promise<Value>): Promise<Reading<Value>> {
  try {
    return { value: await reading }
  } catch (error) {
    return { error }
  }
}
