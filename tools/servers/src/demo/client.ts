import { describeError } from '../errors.ts'
import type { Sample } from './samples.ts'

/** What the API decided about a payment. */
export type Decision =
  | {
      readonly kind: 'accepted'
      readonly paymentId: string
      readonly status: string
      readonly isReplay: boolean
    }
  | { readonly kind: 'refused'; readonly reason: string }

/** What came of one request. */
type Sent =
  | Decision
  /** No decision: the same request must be sent once more, after `afterMs` where the API names a time. */
  | { readonly kind: 'later'; readonly reason: string; readonly afterMs: number | undefined }

/** A payment at one moment. */
interface Seen {
  readonly status: string
  /** Why it failed, as the gateway's code. */
  readonly failureCode: string | undefined
}

/** The HTTP API as the demo uses it. */
export interface PaymentClient {
  pay(sample: Sample): Promise<Sent>
  /** The payment now; `undefined` when the API cannot say. */
  look(paymentId: string): Promise<Seen | undefined>
  /** Every status the payment has had, oldest first; empty when the API cannot say. */
  history(paymentId: string): Promise<string[]>
}

/** Longer than the API itself takes to give up. */
const REQUEST_TIMEOUT_MS = 15_000
/** Answers that decide nothing about a payment: in flight, too many requests, and every 5xx (below). */
const UNDECIDED = new Set([408, 409, 425, 429])

/** Creates a client. It gives up on each request when `signal` aborts. */
export function createPaymentClient(baseUrl: string, signal: AbortSignal): PaymentClient {
  const requestSignal = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)])

  /** Until then questions are answered here: they would use up what the rate limit leaves to payments. */
  let quietUntil = 0

  async function get(path: string): Promise<unknown> {
    if (performance.now() < quietUntil) return undefined
    try {
      const response = await fetch(`${baseUrl}${path}`, { signal: requestSignal() })
      if (response.status === 429) quietUntil = performance.now() + (retryAfterMs(response) ?? 0)
      const body: unknown = await response.json()
      return response.ok ? body : undefined
    } catch (error) {
      signal.throwIfAborted()
      // The API may be away for a moment; the next poll tells.
      if (isPassing(error)) return undefined
      throw error
    }
  }

  return {
    async pay(sample) {
      const { amount, idempotencyKey, currency } = sample
      const request = {
        amount,
        idempotency_key: idempotencyKey,
        ...(currency === undefined ? {} : { currency }),
      }
      try {
        const response = await fetch(`${baseUrl}/pay`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(request),
          signal: requestSignal(),
        })
        if (UNDECIDED.has(response.status) || response.status >= 500) {
          const reason = `HTTP ${response.status}`
          await response.body?.cancel()
          return { kind: 'later', reason, afterMs: retryAfterMs(response) }
        }
        const body: unknown = await response.json()
        const paymentId = member(body, 'payment_id')
        if (!response.ok || paymentId === undefined) {
          return { kind: 'refused', reason: `HTTP ${response.status}: ${describeProblem(body)}` }
        }
        const isReplay = response.headers.get('idempotent-replayed') === 'true'
        return { kind: 'accepted', paymentId, status: member(body, 'status') ?? 'PENDING', isReplay }
      } catch (error) {
        signal.throwIfAborted()
        if (isPassing(error)) return { kind: 'later', reason: describeError(error), afterMs: undefined }
        throw error
      }
    },
    async look(paymentId) {
      const body = await get(`/payments/${paymentId}`)
      const status = member(body, 'status')
      if (status === undefined) return undefined
      return { status, failureCode: isRecord(body) ? member(body['failure'], 'code') : undefined }
    },
    async history(paymentId) {
      const body = await get(`/payments/${paymentId}/events`)
      const events = isRecord(body) ? body['data'] : undefined
      return Array.isArray(events) ? events.flatMap((event: unknown) => member(event, 'to_status') ?? []) : []
    },
  }
}

/** Whether a request found no API, no whole answer, or none in time. */
function isPassing(error: unknown): boolean {
  const isTimeout = error instanceof DOMException && error.name === 'TimeoutError'
  return isTimeout || error instanceof TypeError || error instanceof SyntaxError
}

function retryAfterMs(response: Response): number | undefined {
  const seconds = response.headers.get('retry-after') ?? ''
  return /^\d{1,6}$/u.test(seconds) ? Number(seconds) * 1_000 : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function member(body: unknown, name: string): string | undefined {
  const value = isRecord(body) ? body[name] : undefined
  return typeof value === 'string' ? value : undefined
}

/** The text of a problem (RFC 9457), with the errors of its members. */
function describeProblem(body: unknown): string {
  const text = member(body, 'detail') ?? member(body, 'title') ?? JSON.stringify(body)
  const errors = isRecord(body) && Array.isArray(body['errors']) ? body['errors'] : []
  const details = errors.map((error: unknown) =>
    `${member(error, 'pointer') ?? ''} ${member(error, 'detail') ?? ''}`.trim(),
  )
  return [text, ...details.filter((detail) => detail !== '')].join('; ')
}
