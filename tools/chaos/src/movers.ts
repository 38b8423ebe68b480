import { setTimeout as pause } from 'node:timers/promises'
import type { Accepted } from './clients.ts'
import { createRandom, type Random } from './random.ts'
import type { Requests, Response } from './requests.ts'

/** What is done about a payment after its charge. */
export type MoveKind = 'refund' | 'capture' | 'void'

/** A refund, capture or void that the API has accepted. */
export interface AcceptedMove {
  readonly kind: MoveKind
  readonly id: string
  readonly paymentId: string
  readonly amount: number
}

/** What clients have moved so far, or not. */
export interface MoveCounts {
  /** Accepted movements by kind. */
  refund: number
  capture: number
  void: number
  /** Refunds above what was left, which were refused. */
  refused: number
}

/** Shares of payments that are refunded, and that are authorized first. */
const REFUNDED = 0.25
const AUTHORIZED = 0.12

/** How a client deals with a payment; the seed decides. */
export type Plan = 'charge' | 'refund' | 'authorize'

/** Returns what a client does with a payment. */
export function planOf(random: Random): Plan {
  const drawn = random.next()
  if (drawn < REFUNDED) return 'refund'
  return drawn < REFUNDED + AUTHORIZED ? 'authorize' : 'charge'
}

const LOOK_EVERY_MS = 500
/** The pause doubles up to this: thousands of clients that look twice a second are a load themselves. */
const MAX_LOOK_MS = 8_000
/** Keys that are tried until an authorization has ended. */
const MAX_TRIES = 20

const PATHS = { refund: 'refunds', capture: 'capture', void: 'void' } as const
const LISTS = { refund: 'refunds', capture: 'captures', void: 'voids' } as const

/** Clients that refund, capture and void what they have paid, several at a time, and more than there is. */
export class Movers {
  readonly counts: MoveCounts = { refund: 0, capture: 0, void: 0, refused: 0 }
  /** By their ids. */
  readonly accepted: Map<string, AcceptedMove> = new Map()
  /** Responses that no client may ever get. */
  readonly breaches: string[] = []
  readonly #requests: Requests

  constructor(requests: Requests) {
    this.#requests = requests
  }

  /** Does with an accepted payment what is planned, once its charge allows it. */
  async follow(payment: Accepted, plan: Plan, signal: AbortSignal): Promise<void> {
    if (plan === 'charge') return
    const random = createRandom(`moves ${payment.key}`)
    const isAuthorized = ({ authorization }: Response['body']): boolean =>
      (authorization as { readonly status?: string } | undefined)?.status === 'authorized'
    const body = await this.#look(
      payment.token,
      `/payments/${payment.paymentId}`,
      (seen) => isEnded(seen) || isAuthorized(seen),
      signal,
    )
    if (body === undefined) return
    const captured = isAuthorized(body)
      ? await this.#endAuthorization(payment, random, signal)
      : payment.amount
    const isPaid = body['status'] === 'SUCCESS' || isAuthorized(body)
    if (isPaid && captured > 0 && (plan === 'refund' || random.next() < 0.3))
      await this.#refund(payment, captured, random, signal)
  }

  /** Captures or voids until one of them succeeds; returns what was captured. */
  async #endAuthorization(payment: Accepted, random: Random, signal: AbortSignal): Promise<number> {
    const amount = random.next() < 0.5 ? payment.amount : random.between(1, payment.amount)
    for (let tries = 0; tries < MAX_TRIES && !signal.aborted; tries++) {
      const drawn = random.next()
      const kinds: MoveKind[] = drawn < 0.5 ? ['capture'] : drawn < 0.8 ? ['void'] : ['capture', 'void']
      // Both at once: the authorization ends in one of the two ways.
      const ends = await Promise.all(
        kinds.map((kind) =>
          this.#move(payment, kind, `${kind}-${tries}`, kind === 'capture' ? amount : undefined, signal),
        ),
      )
      if (ends.includes('capture')) return amount
      if (ends.includes('void') || ends.includes('review')) return 0
    }
    return 0
  }

  /** Refunds at once: all, a part, or several parts and more than what is left. */
  async #refund(payment: Accepted, captured: number, random: Random, signal: AbortSignal): Promise<void> {
    const drawn = random.next()
    const part = random.between(1, captured)
    const amounts = drawn < 0.4 ? [undefined] : drawn < 0.6 || captured < 3 ? [part] : thirdsOf(captured)
    await Promise.all(
      amounts.map((amount, number) => this.#move(payment, 'refund', `refund-${number}`, amount, signal)),
    )
    if (drawn < 0.4 || drawn >= 0.8) await this.#exceed(payment, captured)
  }

  /** Asks for more than was ever captured, which must be refused. */
  async #exceed({ paymentId, key, token }: Accepted, captured: number): Promise<void> {
    const body = { amount: captured + 1, idempotency_key: `${key}-too-much` }
    const response = await this.#requests.send(token, `/payments/${paymentId}/refunds`, body)
    if (response?.status === 202) this.breaches.push(`${paymentId}: a refund above its charge was accepted`)
    else if (response !== undefined && response.status < 500) this.counts.refused++
  }

  /** Asks for a movement until there is an answer, sometimes twice at once, and waits for its end: its kind when it succeeded. */
  async #move(
    payment: Accepted,
    kind: MoveKind,
    name: string,
    amount: number | undefined,
    signal: AbortSignal,
  ): Promise<MoveKind | 'failed' | 'refused' | 'review' | undefined> {
    const { paymentId, key, token } = payment
    const request = { ...(amount !== undefined && { amount }), idempotency_key: `${key}-${name}` }
    const ask = (): Promise<Response | undefined> =>
      this.#requests.untilAnswered(
        () => this.#requests.send(token, `/payments/${paymentId}/${PATHS[kind]}`, request),
        ({ status }) => status === 202 || (status >= 400 && status < 500 && status !== 429),
        signal,
      )
    const answers = await Promise.all([ask(), ask()])
    const ids = answers.flatMap((answer) =>
      answer?.status === 202 ? [this.#accept(kind, payment, answer)] : [],
    )
    const [id, other = id] = ids
    if (id !== other) this.breaches.push(`${paymentId}: one key is ${id} and ${other}`)
    if (id === undefined) return answers[0] === undefined ? undefined : 'refused'
    const end = await this.#look(token, `/${LISTS[kind]}/${id}`, isEnded, signal)
    if (end === undefined) return undefined
    if (end['status_detail'] === 'IN_REVIEW') return 'review'
    return end['status'] === 'SUCCESS' ? kind : 'failed'
  }

  #accept(kind: MoveKind, { paymentId }: Accepted, { body }: Response): string {
    const id = String(body[`${kind}_id`])
    if (!this.accepted.has(id)) this.counts[kind]++
    this.accepted.set(id, { kind, id, paymentId, amount: Number(body['amount']) })
    return id
  }

  /** Reads until it is as wanted. */
  async #look(
    token: string | undefined,
    path: string,
    isWanted: (body: Response['body']) => boolean,
    signal: AbortSignal,
  ): Promise<Response['body'] | undefined> {
    for (let waitMs = LOOK_EVERY_MS; !signal.aborted; waitMs = Math.min(2 * waitMs, MAX_LOOK_MS)) {
      const response = await this.#requests.send(token, path)
      if (response?.status === 200 && isWanted(response.body)) return response.body
      await pause(waitMs * (0.5 + Math.random()))
    }
    return undefined
  }
}

function isEnded({ status, status_detail }: Response['body']): boolean {
  return status === 'SUCCESS' || status === 'FAILED' || status_detail === 'IN_REVIEW'
}

function thirdsOf(amount: number): number[] {
  const third = Math.floor(amount / 3)
  return [third, third, amount - 2 * third]
}
