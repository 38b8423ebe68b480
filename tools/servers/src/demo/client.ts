import { describeError } from '../errors.ts'
import type { Sample } from './samples.ts'

/** What came of one request. */
export type Sent =
  | {
      readonly kind: 'accepted'
      readonly paymentId: string
      readonly status: string
      readonly isReplay: boolean
    }
  | { readonly kind: 'refused'; readonly reason: string }
  /** No decision: the same request must be sent once more, after `afterMs` where the API names a time. */
  | { readonly kind: 'later'; readonly reason: string; readonly afterMs?: number | undefined }

/** Longer than the API itself takes to give up. */
const REQUEST_TIMEOUT_MS = 15_000
/** Answers that decide nothing about a payment: in flight, too many requests, and every 5xx (below). */
const UNDECIDED = new Set([408, 409, 425, 429])

/** The HTTP API as the demo uses it. Gives up on each request when `signal` aborts. */
export class PaymentClient {
  readonly #baseUrl: string
  readonly #signal: AbortSignal
  /** Until then questions are answered here: they would use up what the rate limit leaves to payments. */
  #quietUntil = 0

  constructor(baseUrl: string, signal: AbortSignal) {
    this.#baseUrl = baseUrl
    this.#signal = signal
  }

  async pay({ amount, idempotencyKey, currency }: Sample): Promise<Sent> {
    try {
      const response = await this.#fetch('/pay', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ amount, idempotency_key: idempotencyKey, currency }),
      })
      if (UNDECIDED.has(response.status) || response.status >= 500) {
        await response.body?.cancel()
        return { kind: 'later', reason: `HTTP ${response.status}`, afterMs: retryAfterMs(response) }
      }
      const body: unknown = await response.json()
      const paymentId = member(body, 'payment_id')
      if (!response.ok || paymentId === undefined)
        return { kind: 'refused', reason: `HTTP ${response.status}: ${describeProblem(body)}` }
      const isReplay = response.headers.get('idempotent-replayed') === 'true'
      return { kind: 'accepted', paymentId, status: member(body, 'status') ?? 'PENDING', isReplay }
    } catch (error) {
      this.#requirePassing(error)
      return { kind: 'later', reason: describeError(error) }
    }
  }

  /** Returns the status, and why the payment failed, as the gateway's code; undefined when the API cannot say. */
  async look(paymentId: string) {
    const body = await this.#get(`/payments/${paymentId}`)
    const status = member(body, 'status')
    if (status === undefined) return undefined
    return { status, failureCode: isRecord(body) ? member(body['failure'], 'code') : undefined }
  }

  /** Returns every status the payment has had, oldest first; empty when the API cannot say. */
  async history(paymentId: string) {
    const body = await this.#get(`/payments/${paymentId}/events`)
    const events = isRecord(body) ? body['data'] : undefined
    return Array.isArray(events) ? events.flatMap((event: unknown) => member(event, 'to_status') ?? []) : []
  }

  async #get(path: string): Promise<unknown> {
    if (performance.now() < this.#quietUntil) return undefined
    try {
      const response = await this.#fetch(path)
      if (response.status === 429) this.#quietUntil = performance.now() + (retryAfterMs(response) ?? 0)
      const body: unknown = await response.json()
      return response.ok ? body : undefined
    } catch (error) {
      // The API may be unavailable for a short time; the next poll shows.
      this.#requirePassing(error)
      return undefined
    }
  }

  async #fetch(path: string, init: RequestInit = {}) {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)])
    return await fetch(`${this.#baseUrl}${path}`, { ...init, signal })
  }

  /** Throws unless the request found no API, no whole answer, or none in time. */
  #requirePassing(error: unknown) {
    this.#signal.throwIfAborted()
    const isTimeout = error instanceof DOMException && error.name === 'TimeoutError'
    if (!isTimeout && !(error instanceof TypeError) && !(error instanceof SyntaxError)) throw error
  }
}

function retryAfterMs(response: Response) {
  const seconds = response.headers.get('retry-after') ?? ''
  return /^\d{1,6}$/u.test(seconds) ? Number(seconds) * 1_000 : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function member(body: unknown, name: string) {
  const value = isRecord(body) ? body[name] : undefined
  return typeof value === 'string' ? value : undefined
}

/** The text of a problem (RFC 9457), with the errors of its members. */
function describeProblem(body: unknown) {
  const text = member(body, 'detail') ?? member(body, 'title') ?? JSON.stringify(body)
  const errors = isRecord(body) && Array.isArray(body['errors']) ? body['errors'] : []
  const details = errors.map((error: unknown) =>
    `${member(error, 'pointer') ?? ''} ${member(error, 'detail') ?? ''}`.trim(),
  )
  return [text, ...details.filter((detail) => detail !== '')].join('; ')
}
