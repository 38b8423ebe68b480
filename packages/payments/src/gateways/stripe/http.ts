import { AsyncLocalStorage } from 'node:async_hooks'
import * as http from 'node:http'
import * as https from 'node:https'
import { createRequire } from 'node:module'
import type Stripe from 'stripe'
import { reasonOf } from '../../domain/evidence.ts'
import { withTraceHeaders } from '../../tracing.ts'

/** Loads the SDK on demand, because it takes half a second. */
export function loadSdk(): typeof Stripe {
  return createRequire(import.meta.url)('stripe') as typeof Stripe
}

/** One call to the SDK, and what is known about its bytes. */
export interface StripeCall {
  readonly signal: AbortSignal
  /** Whether a byte of the request may have left this machine. */
  mayHaveLeft: boolean
}

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

/** An answer is a few kilobytes long. */
const MAX_BODY_BYTES = 1_048_576

/**
 * Creates an HTTP client for the SDK, with its own connections. It sends each request once, and knows whether it has begun
 * to: each request within `run` belongs to its call.
 */
export function createStripeHttp(connectTimeoutMs: number): StripeHttp {
  const calls = new AsyncLocalStorage<StripeCall>()
  const plainAgent = new http.Agent({ keepAlive: true })
  const tlsAgent = new https.Agent({ keepAlive: true })

  const client: StripeHttp['client'] = {
    getClientName: () => 'node',
    async makeRequest(host, port, path, method, headers, body, protocol, timeoutMs) {
      const call = calls.getStore()
      if (call === undefined) throw new StripeTransportError('a request outside of any call')
      const isPlain = protocol === 'http'
      const sent = withTraceHeaders(headers as Record<string, string>)
      const options = { host, port, path, method, headers: sent }
      const request = isPlain
        ? http.request({ ...options, agent: plainAgent })
        : https.request({ ...options, agent: tlsAgent })
      try {
        const received = await exchange(request, { body, call, isPlain, timeoutMs, connectTimeoutMs })
        refuseUnexplained(received)
        return toAnswer(received)
      } catch (error) {
        request.destroy()
        throw new StripeTransportError(reasonOf(error), { cause: error })
      }
    },
  }

  return {
    client,
    run: (call, use) => calls.run(call, use),
    close() {
      plainAgent.destroy()
      tlsAgent.destroy()
    },
  }
}

interface Exchange {
  readonly body: string
  readonly call: StripeCall
  readonly isPlain: boolean
  readonly timeoutMs: number
  /** Longest time until there is a connection, TLS included, in milliseconds. */
  readonly connectTimeoutMs: number
}

interface Received {
  readonly response: http.IncomingMessage
  readonly text: string
}

/** Writes no byte before the connection is established and its certificate accepted. */
function exchange(request: http.ClientRequest, options: Exchange): Promise<Received> {
  const { body, call, isPlain, timeoutMs, connectTimeoutMs } = options
  const { signal } = call
  const { promise, resolve, reject } = Promise.withResolvers<Received>()
  const giveUp = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('given up'))
  const connecting = setTimeout(
    () => reject(new Error(`no connection within ${connectTimeoutMs} ms`)),
    Math.min(connectTimeoutMs, timeoutMs),
  )
  const waiting = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)

  function send(): void {
    if (signal.aborted) return
    clearTimeout(connecting)
    call.mayHaveLeft = true
    request.end(body)
  }

  request.on('error', reject)
  request.on('socket', (socket) => {
    if (request.reusedSocket || (isPlain && !socket.connecting)) send()
    else socket.once(isPlain ? 'connect' : 'secureConnect', send)
  })
  request.on('response', (response) => {
    readText(response).then((text) => resolve({ response, text }), reject)
  })
  if (signal.aborted) giveUp()
  signal.addEventListener('abort', giveUp, { once: true })
  return promise.finally(() => {
    clearTimeout(connecting)
    clearTimeout(waiting)
    signal.removeEventListener('abort', giveUp)
  })
}

async function readText(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new Error(`the answer is longer than ${MAX_BODY_BYTES} bytes`)
  }
  return Buffer.concat(chunks).toString('utf8')
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
