import { createHash } from 'node:crypto'
import { testCardOf } from '../model/cards.ts'
import { parseBehaviour } from './behaviour.ts'

/** What a request is for. Creating and confirming a payment is a charge; cards and customers are `other`. */
export type Operation = 'charge' | 'capture' | 'cancel' | 'refund' | 'inquiry' | 'other'

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
  /** Only requests about this `metadata.payment_id`, or with this idempotency key or movement. @default any */
  readonly payment?: string
  /** @default 'charge' */
  readonly on?: Operation
  /** How often the whole list is gone through; null is without end. @default 1 */
  readonly times?: number | null
  readonly webhook?: WebhookScript
}

/** A behaviour for every request of a kind. All conditions that are given must hold. */
export interface Rule {
  readonly behaviour: string
  /** @default 'charge' */
  readonly on?: Operation
  readonly amount?: number
  readonly description?: string
  readonly payment?: string
  /** How many requests of a key it is for; null is all of them. @default 1 */
  readonly times?: number | null
  readonly webhook?: WebhookScript
}

/** What the script is asked about. */
export interface Subject {
  readonly operation: Operation
  readonly key: string | null
  /** `metadata.payment_id` of the intent that it is about. */
  readonly payment: string | null
  /** `metadata.movement_id` of the request. @default null */
  readonly movement?: string | null
  readonly amount: number | null
  readonly description: string | null
  /** The test card that it is about. */
  readonly paymentMethod: string | null
  /** `metadata.simulate` of the request. */
  readonly metadataBehaviour: string | null
  /** The header `X-Simulator-Behaviour` of the request. */
  readonly headerBehaviour: string | null
}

/** Shares of behaviours among the requests that move money and that nothing else decides; they need not add up to 1. */
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

/** Decides what happens to each request: header, orders for the payment, other orders, rules, metadata, test card, weights. */
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
    const named = subject.metadataBehaviour ?? behaviourOfCard(subject)
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

  /** Counts the requests of a key, or of a payment, with this one. */
  #countSend({ operation }: Subject, name: string | null) {
    if (!MOVES_MONEY.has(operation) || name === null) return 1
    const counted = operation === 'charge' ? name : `${operation} ${name}`
    const send = (this.#sends.get(counted) ?? 0) + 1
    // The oldest counts are forgotten: nobody repeats a request that long.
    if (this.#sends.size > MAX_COUNTS)
      for (const oldest of this.#sends.keys()) if (this.#sends.delete(oldest)) break
    this.#sends.set(counted, send)
    return send
  }

  #draw({ operation, key, amount }: Subject, send: number, nth: number) {
    const weights = Object.entries(this.#weights)
    const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
    if (total === 0 || !MOVES_MONEY.has(operation)) return 'ok'
    const subject = this.#drawBy === 'key' ? `${key ?? ''} ${send}` : `${amount} ${nth}`
    const by = operation === 'charge' ? subject : `${operation} ${subject}`
    let point = random(`${this.#seed} ${by}`) * total
    for (const [behaviour, weight] of weights) if ((point -= weight) < 0) return behaviour
    return 'ok'
  }
}

const MOVES_MONEY: ReadonlySet<Operation> = new Set<Operation>(['charge', 'capture', 'cancel', 'refund'])
const MAX_COUNTS = 500_000

function behaviourOfCard({ operation, paymentMethod }: Subject) {
  if (paymentMethod === null || (operation !== 'charge' && operation !== 'refund')) return undefined
  return testCardOf(paymentMethod)[operation]
}

function checked(weights: Weights) {
  for (const behaviour of Object.keys(weights)) parseBehaviour(behaviour)
  return weights
}

function fits({ on = 'charge', payment }: Order, subject: Subject) {
  return (
    on === subject.operation &&
    (payment === undefined || [subject.payment, subject.key, subject.movement].includes(payment))
  )
}

function applies(
  { on = 'charge', amount, description, payment, times = 1 }: Rule,
  subject: Subject,
  send: number,
) {
  return (
    subject.operation === on &&
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
