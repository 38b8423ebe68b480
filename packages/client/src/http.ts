import { setTimeout as sleep } from 'node:timers/promises'
import { OVERDUE, withDeadline } from './deadline.ts'
import { TitanApiError, TitanConnectionError, TitanError } from './errors.ts'
import { readBytes, readJson, readProblem, writeJson } from './json.ts'
import type { paths } from './openapi.ts'
import type { Call, Method, ResultOf } from './operation.ts'
import { delayBeforeRepeat, retryAfterOf } from './repeat.ts'

/** Options of {@link createTitanClient}. */
export interface TitanClientOptions {
  /** Address of the API, such as `https://pay.example.com`. */
  readonly baseUrl: string
  /** Token of an API key. @default none, for an API in open mode */
  readonly apiKey?: string | undefined
  /** Longest time for one request and its response, in milliseconds. @default 15000 */
  readonly timeoutMs?: number | undefined
  /** How often a request is repeated that got no decision. @default 5 */
  readonly maxRetries?: number | undefined
  /** @default the global one */
  readonly fetch?: typeof fetch | undefined
}

/** Options of every method. */
export interface RequestOptions {
  /** Cancels requests, bodies and pauses; the method rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /** @default the client's */
  readonly timeoutMs?: number | undefined
  /** @default the client's */
  readonly maxRetries?: number | undefined
}

/** A response that is no error. */
interface Exchange<Result> {
  readonly data: Result
  readonly headers: Headers
}

/** A request that is ready to be sent, as often as needed. */
interface Prepared {
  readonly url: URL
  readonly method: Method
  readonly body: string | null
  readonly isRepeatable: boolean
}

const DEFAULT_TIMEOUT_MS = 15_000
const DEFAULT_RETRIES = 5
/** The longest pause that timers can make. */
const MAX_TIMEOUT_MS = 2_147_483_647

/** Sends requests, and repeats those without a decision. */
export class Http {
  readonly #baseUrl: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #fetch: typeof fetch
  readonly #timeoutMs: number
  readonly #maxRetries: number

  constructor(options: TitanClientOptions) {
    const { baseUrl, apiKey, timeoutMs = DEFAULT_TIMEOUT_MS, maxRetries = DEFAULT_RETRIES } = options
    this.#baseUrl = checkBaseUrl(baseUrl)
    // The value itself is secret, and appears in no message.
    if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey))
      throw new TitanError(
        'INVALID_ARGUMENT',
        'apiKey must have visible ASCII characters only, and at least one',
      )
    this.#headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }
    this.#fetch = options.fetch ?? globalThis.fetch
    checkLimits({ timeoutMs, maxRetries })
    this.#timeoutMs = timeoutMs
    this.#maxRetries = maxRetries
  }

  /** Sends a request until there is a decision. @throws {TitanError}, or the reason of the signal */
  async send<Path extends keyof paths, M extends Method>(
    call: Call<Path, M>,
    options: RequestOptions = {},
  ): Promise<Exchange<ResultOf<Path, M>>> {
    const { signal, timeoutMs = this.#timeoutMs, maxRetries = this.#maxRetries } = options
    checkLimits({ timeoutMs, maxRetries })
    const prepared = this.#prepare(call)
    for (let repeats = 0; ; repeats++) {
      try {
        const { data, headers } = await this.#exchange(prepared, timeoutMs, signal)
        return { data: data as ResultOf<Path, M>, headers }
      } catch (error) {
        signal?.throwIfAborted()
        if (error instanceof TitanError) error.idempotencyKey = call.idempotencyKey
        if (repeats > 0 && isDeleted(prepared, error))
          return { data: undefined as ResultOf<Path, M>, headers: new Headers() }
        const sent = { repeats, isRepeatable: prepared.isRepeatable }
        const delayMs = repeats < maxRetries ? delayBeforeRepeat(error, sent) : undefined
        if (delayMs === undefined) throw error
        await pause(delayMs, signal)
      }
    }
  }

  /** Sends a request until there is a decision, and returns its body only. */
  async read<Path extends keyof paths, M extends Method>(
    call: Call<Path, M>,
    options?: RequestOptions,
  ): Promise<ResultOf<Path, M>> {
    return (await this.send(call, options)).data
  }

  #prepare<Path extends keyof paths, M extends Method>(call: Call<Path, M>): Prepared {
    const { method, path, id, query, body, idempotencyKey, isIdempotent = false } = call
    const url = new URL(this.#baseUrl + path.replace(/\{\w+\}/, () => checkId(id)))
    for (const [name, value] of Object.entries(query ?? {}))
      if (value !== undefined) url.searchParams.set(name, checkParameter(name, value))
    return {
      url,
      method,
      body: body === undefined ? null : writeJson(body),
      isRepeatable: method !== 'post' || idempotencyKey !== undefined || isIdempotent,
    }
  }

  /** Sends a request once. @throws {TitanError} when there is no response, or a 4xx or 5xx */
  async #exchange(prepared: Prepared, timeoutMs: number, signal: AbortSignal | undefined) {
    const { response, bytes } = await this.#receive(prepared, timeoutMs, signal)
    const { status, headers } = response
    if (status >= 400) {
      const problem = readProblem(response, bytes)
      const requestId = headers.get('x-request-id') ?? problem?.request_id
      throw new TitanApiError({ status, problem, requestId, retryAfterMs: retryAfterOf(headers) })
    }
    if (status >= 300)
      throw new TitanConnectionError(
        'REDIRECTED',
        `HTTP ${status}: redirects are not followed; correct baseUrl`,
      )
    return { data: status === 204 ? undefined : readJson(response, bytes), headers }
  }

  async #receive({ url, method, body }: Prepared, timeoutMs: number, callers: AbortSignal | undefined) {
    const headers = body === null ? this.#headers : { ...this.#headers, 'content-type': 'application/json' }
    // Some implementations refuse to be called as a method of another object.
    const fetchOnce = this.#fetch
    return withDeadline(timeoutMs, callers, async (signal) => {
      try {
        const accept = 'application/json, application/problem+json'
        const init = { method: method.toUpperCase(), headers: { accept, ...headers }, body, signal }
        const response = await fetchOnce(url, { ...init, redirect: 'manual' })
        return { response, bytes: await readBytes(response) }
      } catch (error) {
        if (error instanceof TitanError) throw error
        const options = { cause: error }
        if (signal.reason === OVERDUE)
          throw new TitanConnectionError('TIMEOUT', `No complete response within ${timeoutMs} ms`, options)
        throw new TitanConnectionError('CONNECTION_FAILED', 'The connection failed or broke', options)
      }
    })
  }
}

/** Returns whether a request to delete, whose first response was lost, found nothing any more. */
function isDeleted({ method }: Prepared, error: unknown): boolean {
  return method === 'delete' && error instanceof TitanApiError && error.status === 404
}

/** Waits, or throws the reason of the signal. */
export async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

function checkBaseUrl(baseUrl: string): string {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  const isPlain =
    url !== undefined && [url.username, url.password, url.search, url.hash].every((part) => part === '')
  // Not repeated in the message, because it may hold a password.
  if (!isPlain || !/^https?:$/.test(url.protocol))
    throw new TitanError(
      'INVALID_ARGUMENT',
      'baseUrl must be an http or https URL without user, query or fragment',
    )
  return url.href.replace(/\/+$/, '')
}

/** An id that were `..` or `a/b` would be the path of something else. */
function checkId(id: string | undefined): string {
  if (typeof id === 'string' && /^\w[\w-]{0,127}$/.test(id)) return id
  throw new TitanError('INVALID_ARGUMENT', 'An id must have 1 to 128 letters, digits, "_" or "-"')
}

function checkParameter(name: string, value: unknown): string {
  if (typeof value === 'string' || typeof value === 'boolean') return String(value)
  if (Number.isSafeInteger(value)) return String(value)
  throw new TitanError('UNSAFE_NUMBER', `${name} must be a safe integer`)
}

function checkLimits({ timeoutMs, maxRetries }: { readonly timeoutMs: number; readonly maxRetries: number }) {
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_TIMEOUT_MS)
    throw new TitanError('INVALID_ARGUMENT', `timeoutMs must be 1 to ${MAX_TIMEOUT_MS}, got ${timeoutMs}`)
  if (maxRetries !== Infinity && (!Number.isSafeInteger(maxRetries) || maxRetries < 0))
    throw new TitanError('INVALID_ARGUMENT', `maxRetries must be 0 or more, got ${maxRetries}`)
}
