import { codeOf, textOf } from '@titan/queue-core/text-of'
import { AsyncLocalStorage } from 'node:async_hooks'
import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type Stripe from 'stripe'
import { withTraceHeaders } from '../tracing.ts'

/** One call to the SDK, and what is known about its bytes. */
export interface StripeCall {
  readonly signal: AbortSignal
  /** Whether a byte of the request may have left this machine. */
  mayHaveLeft: boolean
}

/** Options of {@link createStripeHttp}. */
export interface StripeHttpOptions {
  /** Longest time until there is a connection, TLS included, in milliseconds. */
  readonly connectTimeoutMs: number
  /** Longest answer that is read, in bytes. */
  readonly maxBodyBytes: number
}

/** The SDK's HTTP client, and the way to call the SDK through it. */
export interface StripeHttp {
  readonly client: Stripe.HttpClient
  /** Runs a call of the SDK; every request in it belongs to `call`. */
  run<Value>(call: StripeCall, use: () => Promise<Value>): Promise<Value>
  close(): void
}

/**
 * No answer. Carries no code of Node.js on purpose: on ECONNRESET or EPIPE the SDK repeats a request even with its retries
 * off, and the adapter must know what was sent.
 */
export class StripeTransportError extends Error {
  override readonly name = 'StripeTransportError'
  readonly code = 'NO_ANSWER'
}

/** Creates an HTTP client with its own connections that sends each request once, and knows whether it has begun to. */
export function createStripeHttp({ connectTimeoutMs, maxBodyBytes }: StripeHttpOptions): StripeHttp {
  const calls = new AsyncLocalStorage<StripeCall>()
  const agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) }

  const client: Stripe.HttpClient = {
    getClientName: () => 'node',
    async makeRequest(host, port, path, method, headers, body, protocol, timeoutMs) {
      const call = calls.getStore()
      if (call === undefined) throw new StripeTransportError('a request outside of any call')
      const isPlain = protocol === 'http'
      const sent = withTraceHeaders(headers as Record<string, string>)
      const options = { host, port, path, method, headers: sent }
      const request = isPlain
        ? httpRequest({ ...options, agent: agents.http })
        : httpsRequest({ ...options, agent: agents.https })
      try {
        const means = { body, call, isPlain, timeoutMs, connectTimeoutMs, maxBodyBytes }
        const received = await exchange(request, means)
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
      agents.http.destroy()
      agents.https.destroy()
    },
  }
}

interface Exchange {
  readonly body: string
  readonly call: StripeCall
  readonly isPlain: boolean
  readonly timeoutMs: number
  readonly connectTimeoutMs: number
  readonly maxBodyBytes: number
}

interface Received {
  readonly response: IncomingMessage
  readonly text: string
}

/** Writes no byte before the connection is established and its certificate accepted. */
function exchange(request: ClientRequest, options: Exchange): Promise<Received> {
  const { body, call, isPlain, timeoutMs, connectTimeoutMs, maxBodyBytes } = options
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
    readText(response, maxBodyBytes).then((text) => resolve({ response, text }), reject)
  })
  if (signal.aborted) giveUp()
  signal.addEventListener('abort', giveUp, { once: true })
  return promise.finally(() => {
    clearTimeout(connecting)
    clearTimeout(waiting)
    signal.removeEventListener('abort', giveUp)
  })
}

async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    chunks.push(chunk as Buffer)
    bytes += (chunk as Buffer).length
    if (bytes > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`)
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
  return {
    getStatusCode: () => response.statusCode ?? 0,
    getHeaders: () => response.headers as Record<string, string>,
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

function reasonOf(error: unknown): string {
  const code = codeOf(error)
  return code === '' ? textOf(error) : `${code}: ${textOf(error)}`
}
