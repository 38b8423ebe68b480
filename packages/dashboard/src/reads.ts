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
import { type WebhookBacklog, type WebhookDelivery, type WebhookEvent, WebhookStore } from '@titan/webhooks'
import type { Cache } from './cache.ts'
import { isAmong, type LetterFilter } from './letters.ts'
import type { ObservedQueue } from './queues.ts'
import { listActs, type AuditEntry } from './audit.ts'
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

/** Rows of one page of a list. */
export const PAGE_ROWS = 50
/** Rows of the lists that have no pages. */
export const LIST_ROWS = 200
/** Dead letters that one search examines at most. */
const SCAN_LETTERS = 2_000
const WEBHOOK_EVENTS = 50

/** Reads what the pages show, over the dashboard's pool. Each read is bounded and shared between viewers for a second. */
export class Reads {
  readonly #sql: Database
  readonly #cache: Cache
  readonly #payments: PaymentStore
  readonly #webhooks: WebhookStore

  constructor(sql: Database, cache: Cache) {
    this.#sql = sql
    this.#cache = cache
    this.#payments = createPaymentStore(sql)
    // Reading needs no key: nothing that is shown is encrypted.
    this.#webhooks = new WebhookStore(sql, { encryptionKeys: [] })
  }

  totals(): Promise<PaymentTotals> {
    return this.#cache.get('totals', () => countTotals(this.#payments))
  }

  stats({ queue }: ObservedQueue): Promise<QueueStats> {
    return this.#cache.get(`stats ${queue.name}`, () => queue.stats())
  }

  consumers({ queue, inspector }: ObservedQueue): Promise<ConsumerView[]> {
    return this.#cache.get(`consumers ${queue.name}`, () => inspector.consumers())
  }

  leasedJobs({ queue, inspector }: ObservedQueue): Promise<JobView[]> {
    return this.#cache.get(`leased ${queue.name}`, () => inspector.peek('leased', LIST_ROWS))
  }

  heldPayments(): Promise<HeldPayment[]> {
    return this.#cache.get('held', () => listHeld(this.#sql, LIST_ROWS))
  }

  parkedPayments(): Promise<ParkedPayment[]> {
    return this.#cache.get('parked', () => listParked(this.#sql, LIST_ROWS))
  }

  webhookBacklog(): Promise<WebhookBacklog> {
    return this.#cache.get('webhooks', () => this.#webhooks.backlog())
  }

  payments(filter: ListFilter): Promise<PaymentPage> {
    return this.#cache.get(`payments ${JSON.stringify(filter)}`, () => this.#payments.page(filter))
  }

  history(id: string): Promise<History | undefined> {
    return this.#cache.get(`history ${id}`, () => this.#readHistory(id))
  }

  letters(
    { queue }: ObservedQueue,
    filter: LetterFilter,
    after: string | undefined,
  ): Promise<DeadLettersFound> {
    const bounds = { after, limit: PAGE_ROWS, scanLimit: SCAN_LETTERS }
    return this.#cache.get(`letters ${JSON.stringify([queue.name, filter, after])}`, () =>
      searchDeadLetters(queue, (letter) => isAmong(filter, letter), bounds),
    )
  }

  letter({ queue }: ObservedQueue, letterId: string): Promise<DeadLetter | undefined> {
    const key = `letter ${JSON.stringify([queue.name, letterId])}`
    return this.#cache.get(key, () => queue.peekDeadLetter(letterId))
  }

  acts(before: number | undefined): Promise<AuditEntry[]> {
    return this.#cache.get(`acts ${before}`, () => listActs(this.#sql, { before, limit: PAGE_ROWS + 1 }))
  }

  async #readHistory(id: string): Promise<History | undefined> {
    const payment = await this.#payments.get(id)
    if (payment === undefined) return undefined
    const [events, attempts, breaks, sent] = await Promise.all([
      this.#payments.events(id),
      this.#payments.attempts(id),
      this.#payments.breaks(id),
      this.#webhooks.listEvents({ paymentId: id, limit: WEBHOOK_EVENTS }),
    ])
    const deliveries = await Promise.all(
      sent.map(async (event) => ({ event, deliveries: await this.#webhooks.deliveriesOfEvent(event.id) })),
    )
    return { payment, events, attempts, breaks, webhooks: deliveries }
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
