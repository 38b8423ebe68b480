import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'
import type Stripe from 'stripe'
import { reasonOf } from '../../domain/evidence.ts'
import { createSender, type GatewayCall, type Received } from '../sender.ts'

/** Loads the SDK on demand, because it takes half a second. */
export function loadSdk(): typeof Stripe {
  return createRequire(import.meta.url)('stripe') as typeof Stripe
}

/** One call to the SDK, and what is known about its bytes. */
export type StripeCall = GatewayCall

/**
 * No answer. Carries no code of Node.js on purpose: on ECONNRESET or EPIPE the SDK repeats a request even with its retries
 * off, and the adapter must know what was sent.
 */
class StripeTransportError extends Error {
  override readonly name = 'StripeTransportError'
  readonly code = 'NO_ANSWER'
}

/** The SDK's HTTP client, and the way to call the SDK through it. */
export interface StripeHttp {
  readonly client: Stripe.HttpClient
  run<Value>(call: StripeCall, use: () => Promise<Value>): Promise<Value>
  close(): void
}

/**
 * Creates an HTTP client for the SDK, with its own connections. It sends each request once, and knows whether it has begun
 * to: each request within `run` belongs to its call.
 */
export function createStripeHttp(connectTimeoutMs: number): StripeHttp {
  const calls = new AsyncLocalStorage<StripeCall>()
  const sender = createSender(connectTimeoutMs)

  const client: StripeHttp['client'] = {
    getClientName: () => 'node',
    async makeRequest(host, port, path, method, headers, body, protocol, timeoutMs) {
      const call = calls.getStore()
      if (call === undefined) throw new StripeTransportError('a request outside of any call')
      const sent = headers as Record<string, string>
      try {
        const received = await sender.send(call, {
          protocol: protocol === 'http' ? 'http' : 'https',
          host,
          port,
          path,
          method,
          headers: sent,
          body,
          timeoutMs,
        })
        refuseUnexplained(received)
        return toAnswer(received)
      } catch (error) {
        throw new StripeTransportError(reasonOf(error), { cause: error })
      }
    },
  }

  return { client, run: (call, use) => calls.run(call, use), close: () => sender.close() }
}

/** The SDK treats any body without an error as a success, whatever the status; the body of a 502 proves nothing. */
function refuseUnexplained({ response: { statusCode = 0 }, text }: Received): void {
  if ((statusCode >= 200 && statusCode < 300) || holdsError(text)) return
  throw new Error(`${statusCode} without an error of the API`)
}

function holdsError(text: string): boolean {
  try {
    const value = JSON.parse(text) as { readonly error?: unknown } | null
    return typeof value?.error === 'object' && value.error !== null
  } catch {
    return false
  }
}

function toAnswer({ response, text }: Received): Stripe.HttpClientResponse {
  const headers = response.headers as Record<string, string>
  // The SDK would print it among the lines of the log.
  delete headers['stripe-notice']
  return {
    getStatusCode: () => response.statusCode ?? 0,
    getHeaders: () => headers,
    getRawResponse: () => ({}),
    toStream: () => response,
    async toJSON() {
      const value: unknown = JSON.parse(text)
      // The SDK writes to the value, and would fail in the background on anything but an object.
      if (typeof value !== 'object' || value === null) throw new SyntaxError('the answer is no JSON object')
      return value
    },
  }
}
