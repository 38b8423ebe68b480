import { AsyncLocalStorage } from 'node:async_hooks'
import type { HttpURLConnectionClient } from '@adyen/api-library'
import { reasonOf } from '../../domain/evidence.ts'
import { PaymentsError } from '../../domain/errors.ts'
import { createSender, type GatewayCall, type Received } from '../sender.ts'

/** An answer that is no success. Holds what Adyen says of an error, and nothing of the request. */
export class AdyenError extends Error {
  override readonly name = 'AdyenError'
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly errorCode: string
  readonly errorType: string

  constructor({ response, text }: Received) {
    const said = objectIn(text) ?? {}
    const { errorCode, errorType, message, detail, title } = said
    super([message, detail, title].find((one) => typeof one === 'string') ?? 'no error of the API')
    this.status = response.statusCode ?? 0
    this.headers = response.headers
    this.errorCode = typeof errorCode === 'string' || typeof errorCode === 'number' ? String(errorCode) : ''
    this.errorType = typeof errorType === 'string' ? errorType : ''
  }
}

/** The SDK's HTTP client, and the way to call the SDK through it. */
export interface AdyenHttp {
  readonly client: Pick<HttpURLConnectionClient, 'request'>
  run<Value>(call: GatewayCall, use: () => Promise<Value>): Promise<Value>
  close(): void
}

interface HttpOptions {
  /** Base URL in place of Adyen's. */
  readonly baseUrl: string | undefined
  readonly timeoutMs: number
  readonly connectTimeoutMs: number
}

/**
 * Creates an HTTP client for the SDK. The SDK's own sends the headers before there is a connection, reports a refused and a
 * reset connection alike, follows redirects and reads answers of any length.
 *
 * @throws {PaymentsError} `INVALID_OPTIONS` for an invalid base URL
 */
export function createAdyenHttp({ baseUrl, timeoutMs, connectTimeoutMs }: HttpOptions): AdyenHttp {
  const base = baseUrl === undefined ? undefined : readUrl(baseUrl)
  const calls = new AsyncLocalStorage<GatewayCall>()
  const sender = createSender(connectTimeoutMs)
  return {
    client: {
      async request(endpoint, json, { apiKey = '' }, _needsKey, options = {}) {
        const call = calls.getStore()
        if (call === undefined) throw new Error('a request outside of any call')
        const { pathname } = new URL(endpoint)
        const { protocol, hostname, port } = base ?? new URL(endpoint)
        const { idempotencyKey, method = 'POST' } = options
        const headers: Record<string, string> = { 'content-type': 'application/json', 'x-api-key': apiKey }
        if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey
        const isPlain = protocol === 'http:'
        const received = await sender.send(call, {
          protocol: isPlain ? 'http' : 'https',
          host: hostname.replace(/^\[|\]$/g, ''),
          port: port === '' ? (isPlain ? 80 : 443) : port,
          path: pathname,
          method,
          headers,
          body: json.toString(),
          timeoutMs,
        })
        return successOf(received)
      },
    },
    run: (call, use) => calls.run(call, use),
    close: () => sender.close(),
  }
}

function readUrl(baseUrl: string): URL {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new PaymentsError('INVALID_OPTIONS', `baseUrl must start with http:// or https://, got ${baseUrl}`)
}

/** Returns the text of an answer that the SDK can read: it prints what it cannot. */
function successOf(received: Received): string {
  const { statusCode = 0 } = received.response
  if (statusCode < 200 || statusCode >= 300) throw new AdyenError(received)
  if (objectIn(received.text) === undefined) throw new SyntaxError('the answer is no JSON object')
  return received.text
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** Describes what went wrong without the text of an answer that could not be read. */
export function faultOf(error: unknown): string {
  return error instanceof AdyenError
    ? `${error.status} ${error.errorCode}: ${error.message}`
    : reasonOf(error)
}
