import { lookup, Resolver } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, buildConnector, request } from 'undici'
import { whyNotReachable, type EgressPolicy } from '../model/egress-policy.ts'
import {
  BlockedAddressError,
  detailOf,
  failureOf,
  storable,
  type ReceiverResponse,
} from '../model/receiver-response.ts'

/** Most bytes of a response that are read and kept. */
const MAX_RESPONSE_BYTES = 20_480

/** One request of a webhook. */
interface Post {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Finds the addresses of a host name. */
export type Resolve = (hostname: string) => Promise<readonly string[]>

/** Options of {@link WebhookClient}. */
export interface WebhookClientOptions {
  readonly egress: EgressPolicy
  readonly resolve: Resolve
  /** From the look-up of the name to the end of the response, in milliseconds. */
  readonly timeoutMs: number
}

/**
 * Sends webhooks, and only to addresses that the policy allows. It judges each address where the connection is made, and
 * connects to that address, so a name that resolves to another one later gains nothing. It follows no redirects and ignores
 * proxy settings of the environment.
 */
export class WebhookClient {
  readonly #agent: Agent
  readonly #timeoutMs: number

  constructor(options: WebhookClientOptions) {
    this.#timeoutMs = options.timeoutMs
    this.#agent = new Agent({
      connect: createGuardedConnector(options),
      // As many as there are requests, so that endpoints of one host do not wait for each other.
      connections: null,
      pipelining: 1,
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  /** Never rejects for what a receiver does. Rejects with the reason of `signal`. */
  async post({ url, headers, body }: Post, signal: AbortSignal): Promise<ReceiverResponse> {
    signal.throwIfAborted()
    const startedAt = performance.now()
    const durationMs = (): number => Math.round(performance.now() - startedAt)
    const overdue = new AbortController()
    const timer = setTimeout(() => overdue.abort(), this.#timeoutMs)
    const either = AbortSignal.any([signal, overdue.signal])
    let code: number | undefined
    try {
      const target = { dispatcher: this.#agent, method: 'POST', headers, body, signal: either } as const
      const response = await request(url, target)
      code = response.statusCode
      const [retryAfter] = [response.headers['retry-after']].flat()
      const beginning = await readBeginning(response.body)
      return { kind: 'answered', code, retryAfter, body: beginning, durationMs: durationMs() }
    } catch (error) {
      if (overdue.signal.aborted) {
        const detail = `no complete response within ${this.#timeoutMs} ms`
        return { kind: 'unanswered', error: 'timeout', detail, code, durationMs: durationMs() }
      }
      signal.throwIfAborted()
      const failure = { error: failureOf(error), detail: detailOf(error) }
      return { kind: 'unanswered', ...failure, code, durationMs: durationMs() }
    } finally {
      clearTimeout(timer)
    }
  }

  /** Closes every connection. Idempotent. */
  close() {
    return this.#agent.destroy()
  }
}

/** Reads no further than what is kept; leaving the loop closes the connection. */
async function readBeginning(body: AsyncIterable<Buffer>) {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= MAX_RESPONSE_BYTES) break
  }
  const text = storable(new TextDecoder().decode(Buffer.concat(chunks)))
  // Bytes that do not decode take more room than before.
  const bytes = Buffer.from(text)
  if (bytes.length <= MAX_RESPONSE_BYTES) return text
  // The cut may lie inside a character.
  const beginning = bytes.subarray(0, MAX_RESPONSE_BYTES).toString()
  return beginning.replace(/\uFFFD$/, '')
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
  async function allowedAddresses(hostname: string) {
    const addresses = await resolve(hostname)
    for (const address of addresses) {
      const refusal = refuse(address, egress)
      if (refusal !== undefined) throw refusal
    }
    return addresses.map((address) => ({ address, family: isIP(address) }))
  }
  return (hostname, { all }, reply) => {
    allowedAddresses(hostname).then(
      (found) => {
        const [first] = found
        if (first === undefined) reply(new Error(`${hostname} has no address`), '')
        else if (all === true) reply(null, found)
        else reply(null, first.address, first.family)
      },
      (error: Error) => reply(error, ''),
    )
  }
}

/** Returns the error of an address that is not allowed: it names the kind, because the address would disclose our network. */
function refuse(address: string, egress: EgressPolicy) {
  const kind = whyNotReachable(address, egress)
  return kind === undefined
    ? undefined
    : new BlockedAddressError(`its host is not at a public address: ${kind}`)
}

/**
 * Creates a resolver that asks the name servers directly. The system's function (getaddrinfo) blocks one of the few threads
 * of the process until the name server of a dead domain times out, and all other look-ups wait.
 *
 * @param usesHostsFile ask the system too when the name servers know nothing: for names of the local network
 */
export function createNameResolver(usesHostsFile: boolean) {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  return {
    async resolve(hostname: string): Promise<string[]> {
      const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
      const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
      if (addresses.length > 0) return addresses
      if (usesHostsFile) return (await lookup(hostname, { all: true })).map(({ address }) => address)
      const [first] = answers
      throw first.status === 'rejected' ? first.reason : new Error(`${hostname} has no address`)
    },
    /** Cancels the queries under way. Idempotent. */
    close: () => resolver.cancel(),
  }
}
