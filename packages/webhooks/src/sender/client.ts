import { isIP, type LookupFunction } from 'node:net'
import { Agent, buildConnector, request } from 'undici'
import {
  BlockedAddressError,
  detailOf,
  failureOf,
  storable,
  type Answered,
  type ReceiverResponse,
} from '../model/receiver-response.ts'
import { whyNotReachable, type EgressPolicy } from '../model/egress-policy.ts'
import type { Resolve } from './resolver.ts'

/** Most bytes of a response that are read and kept. */
export const MAX_RESPONSE_BYTES = 20_480

/** One request of a webhook. */
export interface Post {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Sends webhooks, and only to addresses that the policy allows. */
export interface WebhookClient {
  /** Never rejects for what a receiver does. Rejects with the reason of `signal`. */
  post(post: Post, signal: AbortSignal): Promise<ReceiverResponse>
  /** Closes every connection. Idempotent. */
  close(): Promise<void>
}

/** Options of {@link createWebhookClient}. */
export interface WebhookClientOptions {
  readonly egress: EgressPolicy
  readonly resolve: Resolve
  /** From the look-up of the name to the end of the response, in milliseconds. */
  readonly timeoutMs: number
}

/**
 * Creates a client. It judges each address where the connection is made, and connects to that address, so a name that
 * resolves to another one later gains nothing. It follows no redirects and ignores proxy settings of the environment.
 */
export function createWebhookClient(options: WebhookClientOptions): WebhookClient {
  const { timeoutMs } = options
  const agent = new Agent({
    connect: createGuardedConnector(options),
    // As many as there are requests, so that endpoints of one host do not wait for each other.
    connections: null,
    pipelining: 1,
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
  })

  async function send(
    post: Post,
    signal: AbortSignal,
    onCode: (code: number) => void,
  ): Promise<Omit<Answered, 'kind' | 'durationMs'>> {
    const { url, headers, body } = post
    const response = await request(url, { dispatcher: agent, method: 'POST', headers, body, signal })
    onCode(response.statusCode)
    const retryAfter = response.headers['retry-after']
    return {
      code: response.statusCode,
      retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
      body: await readBeginning(response.body),
    }
  }

  return {
    async post(post, signal) {
      signal.throwIfAborted()
      const startedAt = performance.now()
      const durationMs = (): number => Math.round(performance.now() - startedAt)
      const abort = new AbortController()
      let isOverdue = false
      let code: number | undefined
      const timer = setTimeout(() => {
        isOverdue = true
        abort.abort()
      }, timeoutMs)
      const forward = (): void => abort.abort()
      signal.addEventListener('abort', forward, { once: true })
      try {
        const sent = await send(post, abort.signal, (status) => (code = status))
        return { kind: 'answered', ...sent, durationMs: durationMs() }
      } catch (error) {
        if (isOverdue) {
          const detail = `no complete response within ${timeoutMs} ms`
          return { kind: 'unanswered', error: 'timeout', detail, code, durationMs: durationMs() }
        }
        signal.throwIfAborted()
        const failure = { error: failureOf(error), detail: detailOf(error) }
        return { kind: 'unanswered', ...failure, code, durationMs: durationMs() }
      } finally {
        clearTimeout(timer)
        signal.removeEventListener('abort', forward)
      }
    },
    close: () => agent.destroy(),
  }
}

/** Reads no further than what is kept; leaving the loop closes the connection. */
async function readBeginning(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= MAX_RESPONSE_BYTES) break
  }
  return cutToBytes(storable(new TextDecoder().decode(Buffer.concat(chunks))), MAX_RESPONSE_BYTES)
}

/** Cuts a text, because bytes that do not decode take more room than before. */
function cutToBytes(text: string, max: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= max) return text
  // The cut may lie inside a character.
  return bytes
    .subarray(0, max)
    .toString()
    .replace(/\uFFFD$/, '')
}

function createGuardedConnector({
  egress,
  resolve,
  timeoutMs,
}: WebhookClientOptions): buildConnector.connector {
  const connectTo = buildConnector({
    lookup: createGuardedLookup(egress, resolve),
    timeout: timeoutMs,
    allowH2: false,
    // Overrides the environment.
    rejectUnauthorized: true,
  })
  return (options, callback) => {
    // An address in the URL is not looked up.
    const refusal = isIP(options.hostname) === 0 ? undefined : refuse(options.hostname, egress)
    if (refusal !== undefined) return callback(refusal, null)
    connectTo(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      // The second check: not a byte of the request has left yet.
      const late = refuse(socket.remoteAddress ?? '', egress)
      if (late === undefined) return callback(null, socket)
      socket.destroy()
      callback(late, null)
    })
  }
}

/** Creates a look-up that fails when any address of the name is not allowed. */
function createGuardedLookup(egress: EgressPolicy, resolve: Resolve): LookupFunction {
  async function allowedAddresses(hostname: string): Promise<[Found, ...Found[]]> {
    const [first, ...rest] = (await resolve(hostname)).map((address) => {
      const refusal = refuse(address, egress)
      if (refusal !== undefined) throw refusal
      return { address, family: isIP(address) }
    })
    if (first === undefined) throw new Error(`${hostname} has no address`)
    return [first, ...rest]
  }
  return (hostname, { all }, reply) => {
    allowedAddresses(hostname).then(
      (found) => (all === true ? reply(null, found) : reply(null, found[0].address, found[0].family)),
      (error: Error) => reply(error, ''),
    )
  }
}

interface Found {
  readonly address: string
  readonly family: number
}

function refuse(address: string, egress: EgressPolicy): BlockedAddressError | undefined {
  const reason = whyNotReachable(address, egress)
  return reason === undefined ? undefined : new BlockedAddressError(reason)
}
