import { setTimeout as pause } from 'node:timers/promises'
import { Movers, planOf, type Plan } from './movers.ts'
import { createRandom } from './random.ts'
import { Requests, type Response } from './requests.ts'

/** A payment that the API has accepted. */
export interface Accepted {
  readonly key: string
  readonly amount: number
  readonly paymentId: string
}

/** What clients have done so far. */
export interface ClientCounts {
  /** Payments that were begun. */
  readonly tried: number
  /** Payments that were answered 202. */
  readonly answered: number
  /** Requests after the first one of a payment: repeated after errors and timeouts, or sent twice on purpose. */
  readonly repeated: number
  /** Requests with the key of another payment that were refused with 422. */
  readonly refused: number
}

/** How clients send. */
export interface ClientOptions {
  readonly urls: readonly string[]
  readonly payments: number
  /** Time over which the payments are begun, evenly. */
  readonly durationMs: number
  readonly seed: number
  /** Whether some payments are refunded, captured or voided afterwards. @default false */
  readonly moves?: boolean | undefined
  /** APIs that know how to. @default all */
  readonly moverUrls?: readonly string[] | undefined
}

/** Share of payments that are sent twice at the same time, and of those whose key is reused with another amount. */
const SENT_TWICE = 0.03
const KEY_REUSED = 0.02

/** Clients that send payments and repeat each request until it is answered. The seed decides amounts and oddities. */
export class Clients {
  /** By their keys. */
  readonly accepted: Map<string, Accepted> = new Map()
  /** When each of them was accepted, in epoch milliseconds. */
  readonly acceptedAt: number[] = []
  /** Responses that no client may ever get. */
  readonly breaches: string[] = []
  /** Those that refund, capture and void. */
  readonly movers: Movers
  readonly #options: ClientOptions
  readonly #requests: Requests
  readonly #moving: Requests
  #tried = 0
  #answered = 0
  #refused = 0

  constructor(options: ClientOptions) {
    this.#options = options
    this.#requests = new Requests(options.urls, createRandom(options.seed))
    this.#moving = new Requests(options.moverUrls ?? options.urls, createRandom(`moves ${options.seed}`))
    this.movers = new Movers(this.#moving)
  }

  get counts(): ClientCounts {
    const { repeated } = this.#requests
    return { tried: this.#tried, answered: this.#answered, repeated, refused: this.#refused }
  }

  /** Sends all payments; resolves when each is answered, or when `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { payments, durationMs } = this.#options
    const began = performance.now()
    const paying = new Set<Promise<void>>()
    for (let number = 0; number < payments && !signal.aborted; number++) {
      const waitMs = (number / payments) * durationMs - (performance.now() - began)
      if (waitMs > 1) await pause(waitMs)
      const one: Promise<void> = this.#pay(number, signal).finally(() => paying.delete(one))
      paying.add(one)
    }
    await Promise.all(paying)
  }

  async #pay(number: number, signal: AbortSignal): Promise<void> {
    const { seed } = this.#options
    const key = `chaos-${seed}-${number}`
    // Each payment draws separately, because the order of payments does not depend on the seed.
    const random = createRandom(`${seed} ${number}`)
    const amount = random.between(1, 1_000_000)
    const oddity = random.next()
    const order = { key, amount, plan: this.#options.moves ? planOf(random) : 'charge' } as const
    this.#tried++
    if (oddity < SENT_TWICE) {
      this.#requests.repeated++
      await Promise.all([this.#repeat(order, signal), this.#repeat(order, signal)])
    } else await this.#repeat(order, signal)
    const payment = this.accepted.get(key)
    if (payment === undefined) return
    if (oddity > 1 - KEY_REUSED) await this.#reuseKey(order)
    await this.movers.follow(payment, order.plan, signal)
  }

  /** Repeats a request under its key until it is answered. */
  async #repeat(order: Order, signal: AbortSignal): Promise<void> {
    const { key } = order
    const answer = await this.#requests.untilAnswered(
      () => this.#post(order),
      ({ status }) => {
        if (status === 422) this.breaches.push(`${key}: its own payment was refused`)
        return status === 202
      },
      signal,
    )
    if (answer !== undefined) this.#accept(order, String(answer.body['payment_id']))
  }

  /** Sends one request; returns undefined when no response said what became of it. */
  async #post({ key, amount, plan }: Order): Promise<Response | undefined> {
    // An API of another version may not know the member.
    const requests = plan === 'authorize' ? this.#moving : this.#requests
    const response = await requests.send('/pay', {
      amount,
      idempotency_key: key,
      ...(plan === 'authorize' && { capture: 'manual' }),
    })
    if (response === undefined) return undefined
    const { status, body } = response
    if (status === 202 && body['amount'] !== amount)
      this.breaches.push(`${key}: ${amount} was requested and ${String(body['amount'])} confirmed`)
    // The first request with the key may still wait for a standby, whose confirmation the commit needs.
    const isInFlight = status === 409 && String(body['type']).endsWith('request-in-flight')
    if (status !== 202 && status !== 422 && status < 500 && !isInFlight)
      this.breaches.push(`${key}: a valid request was answered ${status}`)
    return response
  }

  #accept({ key, amount }: Order, paymentId: string): void {
    const before = this.accepted.get(key)
    if (before === undefined) {
      this.#answered++
      this.acceptedAt.push(Date.now())
    } else if (before.paymentId !== paymentId)
      this.breaches.push(`${key}: answered ${before.paymentId} first and ${paymentId} later`)
    this.accepted.set(key, { key, amount, paymentId })
  }

  /** Sends another amount under a key that is taken, which must be refused. */
  async #reuseKey(order: Order): Promise<void> {
    const response = await this.#post({ ...order, amount: order.amount + 1 })
    if (response?.status === 422) this.#refused++
    if (response?.status === 202) this.breaches.push(`${order.key}: a second body was accepted`)
  }
}

/** What a client asks for. */
interface Order {
  readonly key: string
  readonly amount: number
  readonly plan: Plan
}
