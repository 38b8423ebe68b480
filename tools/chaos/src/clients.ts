import { setTimeout as pause } from 'node:timers/promises'
import type { ClientAccount } from './accounts.ts'
import { Movers, planOf, type Plan } from './movers.ts'
import { createRandom } from './random.ts'
import { Requests, type Response } from './requests.ts'

/** A payment that the API has accepted. */
export interface Accepted {
  readonly key: string
  readonly amount: number
  readonly paymentId: string
  /** The API key of its account; undefined where none is required. */
  readonly token: string | undefined
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
  /** Each payment is of one of them in turn, and they use the same idempotency keys. @default one that needs no API key */
  readonly accounts?: readonly ClientAccount[] | undefined
  /** Each payment is in one of them in turn. @default 'USD' alone */
  readonly currencies?: readonly string[] | undefined
  /** Whether some payments are refunded, captured or voided afterwards. @default false */
  readonly moves?: boolean | undefined
  /** APIs that know how to. @default all */
  readonly moverUrls?: readonly string[] | undefined
}

/** Share of payments that are sent twice at the same time, and of those whose key is reused with another amount. */
const SENT_TWICE = 0.03
const KEY_REUSED = 0.02
/** Share of payments that another account asks for. */
const SPIED_ON = 0.1

const NO_ACCOUNTS: readonly ClientAccount[] = [{ id: 'default', token: undefined }]

/** Clients that send payments and repeat each request until it is answered. The seed decides amounts and oddities. */
export class Clients {
  /** By their keys as they are stored: those of another account than `default` begin with its id. */
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
    const accounts = this.#options.accounts ?? NO_ACCOUNTS
    const account = accounts[number % accounts.length]
    if (account === undefined) throw new RangeError('there is no account')
    const key = `chaos-${seed}-${Math.floor(number / accounts.length)}`
    // Each payment draws separately, because the order of payments does not depend on the seed.
    const random = createRandom(`${seed} ${number}`)
    const amount = random.between(1, 1_000_000)
    const oddity = random.next()
    const plan = this.#options.moves ? planOf(random) : 'charge'
    const currencies = this.#options.currencies ?? ['USD']
    const currency = currencies[number % currencies.length] ?? 'USD'
    const order: Order = { key, amount, currency, plan, account }
    this.#tried++
    if (oddity < SENT_TWICE) {
      this.#requests.repeated++
      await Promise.all([this.#repeat(order, signal), this.#repeat(order, signal)])
    } else await this.#repeat(order, signal)
    const payment = this.accepted.get(storedKeyOf(order))
    if (payment === undefined) return
    if (oddity > 1 - KEY_REUSED) await this.#reuseKey(order)
    const other = accounts[(number + 1) % accounts.length]
    if (other !== undefined && other !== account && random.next() < SPIED_ON)
      await this.#spyOn(payment, other)
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
  async #post({ key, amount, currency, plan, account }: Order): Promise<Response | undefined> {
    // An API of another version may not know the member.
    const requests = plan === 'authorize' ? this.#moving : this.#requests
    const response = await requests.send(account.token, '/pay', {
      amount,
      idempotency_key: key,
      ...(currency !== 'USD' && { currency }),
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

  #accept(order: Order, paymentId: string): void {
    const { key, amount, account } = order
    const before = this.accepted.get(storedKeyOf(order))
    if (before === undefined) {
      this.#answered++
      this.acceptedAt.push(Date.now())
    } else if (before.paymentId !== paymentId)
      this.breaches.push(`${key}: answered ${before.paymentId} first and ${paymentId} later`)
    this.accepted.set(storedKeyOf(order), { key, amount, paymentId, token: account.token })
  }

  /** Sends another amount under a key that is taken, which must be refused. */
  async #reuseKey(order: Order): Promise<void> {
    const response = await this.#post({ ...order, amount: order.amount + 1 })
    if (response?.status === 422) this.#refused++
    if (response?.status === 202) this.breaches.push(`${order.key}: a second body was accepted`)
  }

  /** Asks for a payment of another account, which must be unknown. */
  async #spyOn({ paymentId }: Accepted, { id, token }: ClientAccount): Promise<void> {
    const response = await this.#requests.send(token, `/payments/${paymentId}`)
    if (response !== undefined && response.status < 500 && response.status !== 404)
      this.breaches.push(`${paymentId}: the account ${id}, whose it is not, was answered ${response.status}`)
  }
}

function storedKeyOf({ account, key }: Order): string {
  return account.id === 'default' ? key : `${account.id} ${key}`
}

/** What a client asks for. */
interface Order {
  readonly account: ClientAccount
  readonly key: string
  readonly amount: number
  readonly currency: string
  readonly plan: Plan
}
