import { createHash } from 'node:crypto'
import { parseBehaviour } from './behaviour.ts'

/** How the webhooks of a request are sent. */
export interface WebhookScript {
  /** Send none. @default false */
  readonly skip?: boolean
  /** Send each one this often. @default 1 */
  readonly copies?: number
  /** Wait this long before sending, in milliseconds. @default 0 */
  readonly delayMs?: number
  /** Send them before the answer. @default false */
  readonly before?: boolean
  /** Send the last event of an intent first. @default false */
  readonly reversed?: boolean
  /** Sign with a wrong secret. @default false */
  readonly badSignature?: boolean
  /** Sign with a time this long ago, in milliseconds. @default 0 */
  readonly ageMs?: number
}

/** Behaviours for requests to come, one after the other. */
export interface Order {
  readonly behaviours: readonly string[]
  /** Only requests with this `metadata.payment_id` or idempotency key. @default any */
  readonly payment?: string
  /** @default 'charge' */
  readonly on?: 'charge' | 'inquiry'
  /** How often the whole list is gone through; null is without end. @default 1 */
  readonly times?: number | null
  readonly webhook?: WebhookScript
}

/** A behaviour for every request of a kind. All conditions that are given must hold. */
export interface Rule {
  readonly behaviour: string
  readonly amount?: number
  readonly description?: string
  readonly payment?: string
  /** How many requests of a key it is for; null is all of them. @default 1 */
  readonly times?: number | null
  readonly webhook?: WebhookScript
}

/** What the script is asked about. */
export interface Subject {
  readonly operation: 'charge' | 'inquiry'
  readonly key: string | null
  readonly payment: string | null
  readonly amount: number | null
  readonly description: string | null
  readonly paymentMethod: string | null
  /** `metadata.simulate` of the request. */
  readonly metadataBehaviour: string | null
  /** The header `X-Simulator-Behaviour` of the request. */
  readonly headerBehaviour: string | null
}

/** Shares of behaviours among the charges that nothing else decides; they need not add up to 1. */
export type Weights = Readonly<Record<string, number>>

/** What draws differ by. */
export type DrawBy = 'key' | 'amount'

/** Options of a {@link Script}. */
export interface ScriptOptions {
  /** @default none: everything is `ok` */
  readonly weights?: Weights
  /** The same seed gives the same behaviour for the same keys, or amounts, in any order. @default 1 */
  readonly seed?: number
  /**
   * What draws differ by: the key, or the amount and how many requests of the payment came before, for clients whose
   * amounts a seed repeats and whose payment ids, and so keys, are new in each run. @default 'key'
   */
  readonly drawBy?: DrawBy
  /** @default none */
  readonly rules?: readonly Rule[]
}

/** Stripe's own test payment methods, as far as they change the outcome. */
const PAYMENT_METHODS: Readonly<Record<string, string>> = {
  pm_card_chargeDeclined: 'decline:generic_decline',
  pm_card_chargeDeclinedInsufficientFunds: 'decline:insufficient_funds',
  pm_card_chargeDeclinedLostCard: 'decline:lost_card',
  pm_card_chargeDeclinedStolenCard: 'decline:stolen_card',
  pm_card_chargeDeclinedExpiredCard: 'decline:expired_card',
  pm_card_chargeDeclinedProcessingError: 'decline:processing_error',
}

/** Decides what happens to each request: header, orders for the payment, other orders, rules, metadata, payment method, weights. */
export class Script {
  readonly #rules: readonly Rule[]
  readonly #drawBy: DrawBy
  #weights: Weights
  #seed: number
  #queues: { readonly order: Order; at: number }[] = []
  readonly #sends = new Map<string, number>()

  /** @throws {RangeError} for a behaviour that does not exist */
  constructor({ weights = {}, seed = 1, drawBy = 'key', rules = [] }: ScriptOptions = {}) {
    for (const { behaviour } of rules) parseBehaviour(behaviour)
    this.#rules = rules
    this.#drawBy = drawBy
    this.#weights = checked(weights)
    this.#seed = seed
  }

  /** @throws {RangeError} for a behaviour that does not exist */
  add(order: Order): void {
    if (order.behaviours.length === 0) throw new RangeError('an order needs at least one behaviour')
    for (const behaviour of order.behaviours) parseBehaviour(behaviour)
    this.#queues.push({ order, at: 0 })
  }

  /** Forgets every order, and replaces the weights and the seed that are given. */
  reset(weights?: Weights, seed?: number): void {
    this.#queues = []
    if (weights !== undefined) this.#weights = checked(weights)
    this.#seed = seed ?? this.#seed
  }

  /** Decides what happens to one request. */
  next(subject: Subject): { readonly behaviour: string; readonly webhook: WebhookScript } {
    const send = this.#countSend(subject, subject.key)
    const nth = this.#countSend(subject, subject.payment && `payment ${subject.payment}`)
    if (subject.headerBehaviour !== null) return { behaviour: subject.headerBehaviour, webhook: {} }
    const ordered = this.#takeOrdered(subject)
    if (ordered !== undefined) return ordered
    const rule = this.#rules.find((candidate) => applies(candidate, subject, send))
    if (rule !== undefined) return { behaviour: rule.behaviour, webhook: rule.webhook ?? {} }
    const named = subject.metadataBehaviour ?? PAYMENT_METHODS[subject.paymentMethod ?? '']
    return { behaviour: named ?? this.#draw(subject, send, nth), webhook: {} }
  }

  #takeOrdered(subject: Subject) {
    const fitting = this.#queues.filter(({ order }) => fits(order, subject))
    const queue = fitting.find(({ order }) => order.payment !== undefined) ?? fitting[0]
    if (queue === undefined) return undefined
    const { behaviours, times = 1, webhook = {} } = queue.order
    const behaviour = behaviours[queue.at % behaviours.length] ?? 'ok'
    queue.at++
    if (times !== null && queue.at >= behaviours.length * times)
      this.#queues = this.#queues.filter((other) => other !== queue)
    return { behaviour, webhook }
  }

  /** Counts the charges of a key, or of a payment, with this one. */
  #countSend({ operation }: Subject, name: string | null) {
    if (operation === 'inquiry' || name === null) return 1
    const send = (this.#sends.get(name) ?? 0) + 1
    this.#sends.set(name, send)
    return send
  }

  #draw({ operation, key, amount }: Subject, send: number, nth: number) {
    const weights = Object.entries(this.#weights)
    const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
    if (total === 0 || operation === 'inquiry') return 'ok'
    const by = this.#drawBy === 'key' ? `${key ?? ''} ${send}` : `${amount} ${nth}`
    let point = random(`${this.#seed} ${by}`) * total
    for (const [behaviour, weight] of weights) if ((point -= weight) < 0) return behaviour
    return 'ok'
  }
}

function checked(weights: Weights) {
  for (const behaviour of Object.keys(weights)) parseBehaviour(behaviour)
  return weights
}

function fits({ on = 'charge', payment }: Order, subject: Subject) {
  return (
    on === subject.operation && (payment === undefined || [subject.payment, subject.key].includes(payment))
  )
}

function applies({ amount, description, payment, times = 1 }: Rule, subject: Subject, send: number) {
  return (
    subject.operation === 'charge' &&
    (times === null || send <= times) &&
    (amount === undefined || amount === subject.amount) &&
    (description === undefined || description === subject.description) &&
    (payment === undefined || payment === subject.payment)
  )
}

/** Returns a number in [0, 1) that depends on the text only. */
function random(text: string) {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6) / 2 ** 48
}
