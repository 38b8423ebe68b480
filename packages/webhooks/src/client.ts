import { isIP, type LookupFunction } from 'node:net'
import { Agent, buildConnector, request } from 'undici'
import { BlockedAddressError, detailOf, failureOf, storable, type Answer } from './answer.ts'
import { whyNotReachable, type Reach } from './reach.ts'
import type { Resolve } from './resolver.ts'

/** Most bytes of a response that are read, and kept. */
export const MAX_RESPONSE_BYTES = 20_480

/** One request of a webhook. */
export interface Post {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Sends webhooks, and only to where they may go. */
export interface WebhookClient {
  /** Never rejects for what a receiver does. Rejects with the reason of `signal` when that aborts. */
  post(post: Post, signal: AbortSignal): Promise<Answer>
  /** Cuts every connection. Idempotent. */
  close(): Promise<void>
}

/** Options of {@link createWebhookClient}. */
export interface WebhookClientOptions {
  readonly reach: Reach
  readonly resolve: Resolve
  /** From the look-up of the name to the end of the response, in milliseconds. */
  readonly timeoutMs: number
}

/**
 * Every address is judged where the connection is made, and the connection goes to the address that was judged: a name
 * that means another one a moment later gains nothing. Redirects are answers like any other. Proxy settings of the
 * environment do not apply.
 */
export function createWebhookClient(options: WebhookClientOptions): WebhookClient {
  const { timeoutMs } = options
  const agent = new Agent({
    connect: createGuardedConnector(options),
    // As many as there are requests: endpoints of one host do not wait for each other.
    connections: null,
    pipelining: 1,
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
  })

  async function send(post: Post, signal: AbortSignal, onCode: (code: number) => void): Promise<SentAnswer> {
    const { url, headers, body } = post
    const response = await request(url, { dispatcher: agent, method: 'POST', headers, body, signal })
    onCode(response.statusCode)
    const retryAfter = response.headers['retry-after']
    return {
      code: response.statusCode,
      retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
      response: await readBeginning(response.body),
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
          const detail = `no complete answer within ${timeoutMs} ms`
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

interface SentAnswer {
  readonly code: number
  readonly retryAfter: string | undefined
  readonly response: string
}

/** Reads no further than what is kept; leaving the loop cuts the connection. */
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

/** What does not decode takes more room than it did. */
function cutToBytes(text: string, max: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= max) return text
  // The end may lie inside of a character.
  return bytes
    .subarray(0, max)
    .toString()
    .replace(/\uFFFD$/, '')
}

function createGuardedConnector({
  reach,
  resolve,
  timeoutMs,
}: WebhookClientOptions): buildConnector.connector {
  const connectTo = buildConnector({
    lookup: createGuardedLookup(reach, resolve),
    timeout: timeoutMs,
    allowH2: false,
    // Whatever the environment says.
    rejectUnauthorized: true,
  })
  return (options, callback) => {
    // An address in the URL is never looked up.
    const refusal = isIP(options.hostname) === 0 ? undefined : refuse(options.hostname, reach)
    if (refusal !== undefined) return callback(refusal, null)
    connectTo(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      // The second guard: not a byte of the request has left yet.
      const late = refuse(socket.remoteAddress ?? '', reach)
      if (late === undefined) return callback(null, socket)
      socket.destroy()
      callback(late, null)
    })
  }
}

/** Looks a name up and hands out its addresses if every one of them may be connected to. */
function createGuardedLookup(reach: Reach, resolve: Resolve): LookupFunction {
  async function judge(hostname: string): Promise<[Found, ...Found[]]> {
    const [first, ...rest] = (await resolve(hostname)).map((address) => {
      const refusal = refuse(address, reach)
      if (refusal !== undefined) throw refusal
      return { address, family: isIP(address) }
    })
    if (first === undefined) throw new Error(`${hostname} has no address`)
    return [first, ...rest]
  }
  return (hostname, { all }, answer) => {
    judge(hostname).then(
      (found) => (all === true ? answer(null, found) : answer(null, found[0].address, found[0].family)),
      (error: Error) => answer(error, ''),
    )
  }
}

interface Found {
  readonly address: string
  readonly family: number
}

function refuse(address: string, reach: Reach): BlockedAddressError | undefined {
  const reason = whyNotReachable(address, reach)
  return reason === undefined ? undefined : new BlockedAddressError(reason)
}
