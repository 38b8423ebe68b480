import { setTimeout as pause } from 'node:timers/promises'
import { createRandom, type Random } from './random.ts'

/** A payment that the API has accepted. */
export interface Accepted {
  readonly key: string
  readonly amount: number
  readonly paymentId: string
}

/** What clients have done so far. */
export interface ClientCounts {
  /** Payments that were begun. */
  tried: number
  /** Payments that were answered 202. */
  answered: number
  /** Requests after the first one of a payment: repeated after errors and timeouts, or sent twice on purpose. */
  repeated: number
  /** Requests with the key of another payment that were refused with 422. */
  refused: number
}

/** How clients send. */
export interface ClientOptions {
  readonly urls: readonly string[]
  readonly payments: number
  /** Time over which the payments are begun, evenly. */
  readonly durationMs: number
  readonly seed: number
}

const TIMEOUT_MS = 10_000
/** Pause before a request is repeated; it doubles each time, because impatient clients would keep a busy server busy. */
const REPEAT_MS = 200
const MAX_REPEAT_MS = 5_000
/** Share of payments that are sent twice at the same time, and of those whose key is reused with another amount. */
const SENT_TWICE = 0.03
const KEY_REUSED = 0.02

/** Clients that send payments and repeat each request until it is answered. The seed decides amounts and oddities. */
export class Clients {
  readonly counts: ClientCounts = { tried: 0, answered: 0, repeated: 0, refused: 0 }
  /** By their keys. */
  readonly accepted: Map<string, Accepted> = new Map()
  /** Responses that no client may ever get. */
  readonly breaches: string[] = []
  readonly #options: ClientOptions
  readonly #routes: Random

  constructor(options: ClientOptions) {
    this.#options = options
    this.#routes = createRandom(options.seed)
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
    this.counts.tried++
    if (oddity < SENT_TWICE) {
      this.counts.repeated++
      await Promise.all([this.#repeat(key, amount, signal), this.#repeat(key, amount, signal)])
    } else await this.#repeat(key, amount, signal)
    if (oddity > 1 - KEY_REUSED && this.accepted.has(key)) await this.#reuseKey(key, amount)
  }

  /** Repeats a request under its key until it is answered. */
  async #repeat(key: string, amount: number, signal: AbortSignal): Promise<void> {
    for (let waitMs = REPEAT_MS; !signal.aborted; waitMs = Math.min(2 * waitMs, MAX_REPEAT_MS)) {
      if (waitMs > REPEAT_MS) this.counts.repeated++
      const response = await this.#post(key, amount)
      if (response?.status === 202) return this.#accept(key, amount, response.id)
      if (response?.status === 422) this.breaches.push(`${key}: its own payment was refused`)
      await pause(waitMs * (0.5 + Math.random() / 2))
    }
  }

  /** Sends one request; returns undefined when no response said what became of it. */
  async #post(key: string, amount: number): Promise<{ status: number; id: string } | undefined> {
    try {
      const response = await fetch(`${this.#routes.pick(this.#options.urls)}/pay`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ amount, idempotency_key: key }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      const { status } = response
      const body = (await response.json()) as { readonly payment_id?: string; readonly amount?: number }
      if (status === 202 && body.amount !== amount)
        this.breaches.push(`${key}: ${amount} was requested and ${body.amount} confirmed`)
      if (status !== 202 && status !== 422 && status < 500)
        this.breaches.push(`${key}: a valid request was answered ${status}`)
      return { status, id: body.payment_id ?? '' }
    } catch {
      return undefined
    }
  }

  #accept(key: string, amount: number, paymentId: string): void {
    const before = this.accepted.get(key)
    if (before === undefined) this.counts.answered++
    else if (before.paymentId !== paymentId)
      this.breaches.push(`${key}: answered ${before.paymentId} first and ${paymentId} later`)
    this.accepted.set(key, { key, amount, paymentId })
  }

  /** Sends another amount under a key that is taken, which must be refused. */
  async #reuseKey(key: string, amount: number): Promise<void> {
    const response = await this.#post(key, amount + 1)
    if (response?.status === 422) this.counts.refused++
    if (response?.status === 202) this.breaches.push(`${key}: a second body was accepted`)
  }
}
