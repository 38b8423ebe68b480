import type { CardRow } from '../model/cards.ts'
import type { CustomerRow } from '../model/customer.ts'
import type { DisputeRow } from '../model/dispute.ts'
import { intentIdOf } from '../model/ids.ts'
import type { IntentRow } from '../model/intent.ts'
import type { RefundRow } from '../model/refund.ts'
import type { Answer } from '../stripe/answer.ts'
import type { Rows } from '../stripe/expand.ts'
import type { LedgerEntry, Schedule } from './entry.ts'

/** What is stored under an idempotency key. Its time to live begins `at`, in epoch milliseconds. */
export interface StoredKey {
  readonly at: number
  readonly request: string
  readonly fingerprint: string
  readonly answer: Answer
}

/** What the lines of a ledger say of the gateway's objects as they are now. */
export class GatewayState implements Rows {
  /** In the order they were made, by id. */
  readonly intents = new Map<string, IntentRow>()
  readonly refunds = new Map<string, RefundRow>()
  readonly disputes = new Map<string, DisputeRow>()
  readonly keys = new Map<string, StoredKey>()
  /** Outcomes that are still to come, by intent or refund. */
  readonly schedules = new Map<string, Schedule>()
  readonly #refundIds = new Map<string, string[]>()
  readonly #customers = new Map<string, CustomerRow>()
  /** Payment methods of customers. */
  readonly #cards = new Map<string, CardRow>()
  readonly #keyTtlMs: number

  constructor(keyTtlMs: number) {
    this.#keyTtlMs = keyTtlMs
  }

  intentOf(id: string): IntentRow | undefined {
    return this.intents.get(id)
  }

  /** Returns the refunds of an intent, oldest first. */
  refundsOf(intentId: string): readonly RefundRow[] {
    const ids = this.#refundIds.get(intentId) ?? []
    return ids.flatMap((id) => this.refunds.get(id) ?? [])
  }

  customerOf(id: string): CustomerRow | undefined {
    return this.#customers.get(id)
  }

  /** Returns a payment method: a customer's, or one that an intent made of a test card. */
  cardOf(id: string): CardRow | undefined {
    const own = this.#cards.get(id)
    if (own !== undefined) return own
    const intent = this.intents.get(intentIdOf(id))
    return (
      [intent?.card, intent?.charge?.card, intent?.error?.card].find((card) => card?.id === id) ?? undefined
    )
  }

  /** Returns the payment methods of a customer, newest first. */
  cardsOf(customer: string): CardRow[] {
    return [...this.#cards.values()].filter((card) => card.customer === customer).toReversed()
  }

  /** Returns what is stored under a key that has not expired. */
  storedUnder(key: string, now: number): StoredKey | undefined {
    const stored = this.keys.get(key)
    return stored !== undefined && now - stored.at <= this.#keyTtlMs ? stored : undefined
  }

  enter(entry: LedgerEntry): void {
    if (entry.type !== 'executed' && entry.type !== 'settled') return
    const { intent, refunds = [], dispute, customer, card } = entry.rows
    if (intent !== undefined) this.intents.set(intent.id, intent)
    for (const refund of refunds) this.#enterRefund(refund)
    if (dispute !== undefined) this.disputes.set(dispute.id, dispute)
    if (customer !== undefined) this.#customers.set(customer.id, customer)
    if (card !== undefined) this.#cards.set(card.id, card)
    if (entry.type === 'settled') {
      this.schedules.delete(entry.subject)
      return
    }
    const { at, key, request, fingerprint, answer, schedule } = entry
    if (key !== null) {
      this.#forgetExpired(at)
      this.keys.set(key, { at, request, fingerprint, answer })
    }
    if (schedule !== null) this.schedules.set(schedule.subject, schedule)
  }

  #enterRefund(refund: RefundRow): void {
    if (!this.refunds.has(refund.id)) {
      const ids = this.#refundIds.get(refund.intentId)
      if (ids === undefined) this.#refundIds.set(refund.intentId, [refund.id])
      else ids.push(refund.id)
    }
    this.refunds.set(refund.id, refund)
  }

  /** Keys are in the order of their time; the first that lives ends the walk. */
  #forgetExpired(now: number): void {
    for (const [key, { at }] of this.keys) {
      if (now - at <= this.#keyTtlMs) return
      this.keys.delete(key)
    }
  }
}
