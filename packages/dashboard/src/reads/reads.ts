import {
  createPaymentStore,
  type BreakKind,
  type Database,
  type ListFilter,
  type MovementFilter,
  type Payment,
} from '@titan/payments'
import { searchDeadLetters, type Inspector, type JobMap, type Queue } from '@titan/queue-core'
import { WebhookStore, type DeliveryFilter } from '@titan/webhooks'
import { listActs } from '../audit.ts'
import { statement } from '../statements.ts'
import type { Cache } from './cache.ts'
import { isAmong, type LetterFilter } from './letters.ts'
import { countTotals, countTotalsOf } from './totals.ts'

/** A queue as the dashboard needs it: to be counted and steered, its jobs and workers to be looked at. */
export interface ObservedQueue {
  readonly queue: Pick<
    Queue<JobMap>,
    'name' | 'stats' | 'pause' | 'resume' | 'deadLetters' | 'peekDeadLetter' | 'redrive' | 'deleteDeadLetters'
  >
  readonly inspector: Pick<Inspector, 'peek' | 'consumers'>
}

/** A payment that a worker holds. */
export interface HeldPayment extends Pick<Payment, 'id' | 'amount' | 'currency' | 'fence'> {
  readonly owner: string
  /** Milliseconds until the lease ends by the clock of the database; negative once it has. */
  readonly remainingMs: number
  /** Whether the outcome at the gateway is unknown. */
  readonly isUnknown: boolean
}

/** A payment in review, with its oldest open contradiction. */
export interface ParkedPayment extends Pick<
  Payment,
  'id' | 'account' | 'amount' | 'currency' | 'gateway' | 'attemptNo'
> {
  readonly parkedAt: Date
  /** Why it is in review, from the event that parked it last. */
  readonly reason: string | null
  readonly breakKind: BreakKind | null
  readonly charge: string | null
  /** What was charged, in minor units. */
  readonly chargedAmount: number | null
  readonly chargedCurrency: string | null
}

const listHeld = statement<HeldPayment>('held_payments')
const listParked = statement<ParkedPayment>('parked_payments')

/** Rows of one page of a list. */
export const PAGE_ROWS = 50
/** Rows of the lists that have no pages. */
const LIST_ROWS = 200
/** Dead letters that one search examines at most. */
const SCAN_LETTERS = 2_000
const WEBHOOK_EVENTS = 50

/** A payment with its whole history. */
export type History = NonNullable<Awaited<ReturnType<Reads['history']>>>

/**
 * Reads what the pages show, over the dashboard's pool. Each read is bounded and shared for a second between viewers who see the
 * same accounts.
 */
export class Reads {
  readonly #sql
  readonly #cache
  readonly #payments
  readonly #webhooks
  readonly #account

  /** @param account the only account whose payments, movements and webhooks are read. @default all, for operators */
  constructor(sql: Database, cache: Cache, account?: string) {
    this.#sql = sql
    this.#cache = account === undefined ? cache : cache.of(account)
    this.#account = account
    this.#payments = createPaymentStore(sql)
    // Reading needs no key: nothing that is shown is encrypted.
    this.#webhooks = new WebhookStore(sql, { encryptionKeys: [], account })
  }

  /** Counts payments: those of the account, else all. */
  totals() {
    const account = this.#account
    return this.#cache.get('totals', () =>
      account === undefined ? countTotals(this.#payments) : countTotalsOf(this.#payments, account),
    )
  }

  endpoints() {
    return this.#cache.get('endpoints', () => this.#webhooks.listEndpoints({ limit: LIST_ROWS }))
  }

  stats({ queue }: ObservedQueue) {
    return this.#cache.get(`stats ${queue.name}`, () => queue.stats())
  }

  /** Reads the workers of a queue and their jobs in flight. */
  workers({ queue, inspector }: ObservedQueue) {
    return this.#cache.get(`workers ${queue.name}`, async () => {
      const [consumers, jobs] = await Promise.all([
        inspector.consumers(),
        inspector.peek('leased', LIST_ROWS),
      ])
      return { consumers, jobs }
    })
  }

  /** Reads payments under a lease, those that are due first. */
  heldPayments() {
    return this.#cache.get('held', () => listHeld(this.#sql, { rowLimit: LIST_ROWS }))
  }

  /** Reads payments in review, longest waiting first. */
  parkedPayments() {
    return this.#cache.get('parked', () => listParked(this.#sql, { rowLimit: LIST_ROWS }))
  }

  webhookBacklog() {
    return this.#cache.get('webhooks', () => this.#webhooks.backlog())
  }

  /** Reads an endpoint; undefined when none of these accounts has it. */
  endpoint(id: string) {
    return this.#cache.get(`endpoint ${id}`, () => this.#webhooks.getEndpoint(id))
  }

  /** Reads deliveries of an endpoint that was found with {@link endpoint}. */
  deliveries(endpointId: string, filter: DeliveryFilter) {
    const page = { limit: PAGE_ROWS, ...filter }
    return this.#cache.get(`deliveries ${JSON.stringify([endpointId, page])}`, () =>
      this.#webhooks.deliveryPage(endpointId, page),
    )
  }

  payments(filter: ListFilter) {
    const own = { ...filter, account: this.#account ?? filter.account }
    return this.#cache.get(`payments ${JSON.stringify(own)}`, () => this.#payments.page(own))
  }

  refunds(filter: MovementFilter) {
    const own = { ...filter, account: this.#account ?? filter.account }
    return this.#cache.get(`refunds ${JSON.stringify(own)}`, () => this.#payments.pageMovements(own))
  }

  history(id: string) {
    return this.#cache.get(`history ${id}`, () => this.#readHistory(id))
  }

  letters({ queue }: ObservedQueue, filter: LetterFilter, after: string | undefined) {
    const bounds = { after, limit: PAGE_ROWS, scanLimit: SCAN_LETTERS }
    return this.#cache.get(`letters ${JSON.stringify([queue.name, filter, after])}`, () =>
      searchDeadLetters(queue, (letter) => isAmong(filter, letter), bounds),
    )
  }

  letter({ queue }: ObservedQueue, letterId: string) {
    const key = `letter ${JSON.stringify([queue.name, letterId])}`
    return this.#cache.get(key, () => queue.peekDeadLetter(letterId))
  }

  /** Reads a page of the audit record, and one row more if there is one. */
  acts(before: number | undefined) {
    return this.#cache.get(`acts ${before}`, () => listActs(this.#sql, { before, limit: PAGE_ROWS + 1 }))
  }

  async #readHistory(id: string) {
    const payment = await this.#payments.get(id)
    // What is of another account is like what does not exist.
    if (payment === undefined || (this.#account ?? payment.account) !== payment.account) return undefined
    const [movement, movements, events, attempts, breaks, sent] = await Promise.all([
      payment.parentId === null ? undefined : this.#payments.movement(id),
      this.#payments.movements(id),
      this.#payments.events(id),
      this.#payments.attempts(id),
      this.#payments.breaks(id),
      this.#webhooks.listEvents({ paymentId: payment.parentId ?? id, limit: WEBHOOK_EVENTS }),
    ])
    // Those of a movement are listed with its payment.
    const own = payment.parentId === null ? sent : sent.filter((event) => event.id.startsWith(`evt_${id}_`))
    const webhooks = await Promise.all(
      own.map(async (event) => ({ event, deliveries: await this.#webhooks.deliveriesOfEvent(event.id) })),
    )
    return { payment, movement, movements, events, attempts, breaks, webhooks }
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
