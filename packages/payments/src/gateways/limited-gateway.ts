import { PaymentsError } from '../domain/errors.ts'
import { CircuitBreaker, type CircuitOptions } from './circuit.ts'
import type { Admission, ChargeOutcome, CircuitStatus, Gateway, LookupAnswer } from './gateway.ts'
import type { RecordPage } from './records.ts'
import { withMembers } from './gateways.ts'
import { RateLimiter } from './rate-limiter.ts'
import { Semaphore } from './semaphore.ts'

/** The defaults are in {@link resolveBreaker}. */
type BreakerOptions = { readonly [Name in keyof CircuitOptions]?: CircuitOptions[Name] | undefined }

export interface GatewayLimits {
  /** Most conversations at the same time. @default no limit */
  readonly maxConcurrent?: number | undefined
  /** Most requests in any second. @default no limit */
  readonly ratePerSecond?: number | undefined
  /** @default no breaker */
  readonly breaker?: BreakerOptions | undefined
}

/** A gateway behind a circuit breaker, a limit on conversations and a limit on requests. */
export interface LimitedGateway extends Gateway {
  /** Whether a request would be let through now. */
  readonly available: boolean
  readonly circuit: CircuitStatus
  admit(options: { readonly signal: AbortSignal }): Promise<Admission>
}

/** Pause after a 429 that does not say for how long, in milliseconds. */
const PAUSE_MS = 1_000
/** Longest pause, whatever the gateway asks for, in milliseconds. */
const MAX_PAUSE_MS = 60_000

/**
 * Puts limits around a gateway. A call without room returns `NOT_SENT` and `throttled`: nothing was sent, and no retry is
 * used up. Workers call `admit` before they take work, and then never meet the limits.
 *
 * The breaker counts failures of the gateway (no connection, no answer, an unreadable answer, refused credentials), never a
 * decline. `onCircuit` is called whenever the circuit opens, probes or closes.
 *
 * @throws {PaymentsError} `INVALID_OPTIONS`
 */
export function limitGateway(
  gateway: Gateway,
  limits: GatewayLimits,
  onCircuit: (status: CircuitStatus) => void = () => {},
): LimitedGateway {
  const limiter = new Limiter(limits, onCircuit)
  return {
    ...limitedCalls(gateway, limiter, async () => limiter.tryEnter()),
    async admit({ signal }) {
      const release = await limiter.enter(signal)
      return { gateway: limitedCalls(gateway, limiter, limiter.takeEach()), release }
    },
    get available() {
      return limiter.available
    },
    get circuit() {
      return limiter.circuit
    },
    async close() {
      limiter.close()
      await gateway.close?.()
    },
  }
}

interface Refusal {
  readonly reason: string
  readonly retryAfterMs: number
}

/** Makes room for one request: resolves with the function that ends it, or with the reason why there is no room. */
type Take = (signal: AbortSignal) => Promise<(() => void) | Refusal>

class Limiter {
  readonly #conversations: Semaphore
  readonly #requests: RateLimiter
  readonly #breaker: CircuitBreaker | undefined
  readonly #closing = new AbortController()

  constructor(limits: GatewayLimits, onStatus: (status: CircuitStatus) => void) {
    const { maxConcurrent = Infinity, ratePerSecond = Infinity, breaker } = limits
    if (!(maxConcurrent === Infinity || isCount(maxConcurrent)))
      throw invalid(`maxConcurrent must be a whole number of at least 1, got ${maxConcurrent}`)
    if (!(ratePerSecond === Infinity || (ratePerSecond >= 0.01 && ratePerSecond <= 1_000_000)))
      throw invalid(`ratePerSecond must be from 0.01 to 1000000, got ${ratePerSecond}`)
    this.#conversations = new Semaphore(maxConcurrent)
    this.#requests = new RateLimiter(ratePerSecond)
    this.#breaker = breaker && new CircuitBreaker(resolveBreaker(breaker), isFault, onStatus)
  }

  get circuit(): CircuitStatus {
    const { status = 'closed' } = this.#breaker ?? {}
    return status === 'open' && this.#breaker?.waitMs() === 0 ? 'probing' : status
  }

  get available(): boolean {
    return this.#conversations.free > 0 && this.circuit === 'closed' && this.#requests.waitMs() === 0
  }

  /** Waits for room for a conversation and its first request. Resolves with its idempotent end. */
  async enter(signal: AbortSignal): Promise<() => void> {
    const either = AbortSignal.any([signal, this.#closing.signal])
    const release = await this.#conversations.acquire(either)
    let leaveCircuit: (() => void) | undefined
    const leave = (): void => {
      leaveCircuit?.()
      leaveCircuit = undefined
      release()
    }
    try {
      leaveCircuit = await this.#breaker?.enter(either)
      await this.#requests.take(either)
      return leave
    } catch (error) {
      leave()
      throw error
    }
  }

  /** Lets requests of an admitted conversation through: the first was counted with the admission, later ones wait. */
  takeEach(): Take {
    let isCounted = true
    return async (signal) => {
      if (!isCounted) await this.#requests.take(signal)
      isCounted = false
      return () => {}
    }
  }

  /** Enters for one request without waiting. */
  tryEnter(): (() => void) | Refusal {
    const release = this.#conversations.tryAcquire()
    if (release === undefined) return { reason: 'as many conversations as allowed', retryAfterMs: PAUSE_MS }
    const refusal = this.#refusal()
    if (refusal === undefined) return release
    release()
    return refusal
  }

  #refusal(): Refusal | undefined {
    if (this.#breaker !== undefined && this.#breaker.waitMs() > 0) return this.#circuitOpen()
    if (this.#requests.tryTake()) return undefined
    return { reason: 'as many requests as allowed', retryAfterMs: this.#requests.waitMs() }
  }

  /** Runs one request, or returns the reason why not. */
  async run<Value>(take: Take, signal: AbortSignal, call: () => Promise<Value>): Promise<Value | Refusal> {
    const end = await take(signal)
    if (typeof end !== 'function') return end
    try {
      return this.#breaker === undefined
        ? await call()
        : ((await this.#breaker.run(call)) ?? this.#circuitOpen())
    } finally {
      end()
    }
  }

  /**
   * Waits for room for one page of a list: that can wait, so it never meets the limits. Fails while the circuit is not
   * closed, because payments find out whether the gateway has recovered.
   */
  async list(signal: AbortSignal, call: () => Promise<RecordPage>): Promise<RecordPage> {
    if (this.circuit !== 'closed')
      throw new PaymentsError('GATEWAY_AWAY', 'the circuit breaker of the gateway is open')
    const leave = await this.enter(signal)
    try {
      return await call()
    } finally {
      leave()
    }
  }

  /** Leaves the gateway alone for as long as it asked. */
  pause(delayMs: number = PAUSE_MS): void {
    this.#requests.pause(Math.min(MAX_PAUSE_MS, delayMs))
  }

  close(): void {
    this.#closing.abort(new Error('the gateway is closed'))
  }

  #circuitOpen(): Refusal {
    const retryAfterMs = Math.max(PAUSE_MS, this.#breaker?.waitMs() ?? 0)
    return { reason: 'the circuit breaker is open', retryAfterMs }
  }
}

function resolveBreaker(options: BreakerOptions): CircuitOptions {
  const { failureShare = 0.5, windowCalls = 20, openMs = 5_000 } = options
  const { minCalls = Math.min(5, windowCalls), maxOpenMs = Math.max(60_000, openMs) } = options
  const resolved = { failureShare, windowCalls, minCalls, openMs, maxOpenMs }
  const isSound =
    failureShare > 0 &&
    failureShare <= 1 &&
    [windowCalls, minCalls, openMs].every(isCount) &&
    minCalls <= windowCalls &&
    maxOpenMs >= openMs
  if (isSound) return resolved
  throw invalid(
    `a breaker needs 0 < failureShare ≤ 1, 1 ≤ minCalls ≤ windowCalls and 1 ≤ openMs ≤ maxOpenMs, got ${JSON.stringify(resolved)}`,
  )
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1
}

function invalid(message: string): PaymentsError {
  return new PaymentsError('INVALID_OPTIONS', message)
}

function limitedCalls(given: Gateway, limiter: Limiter, take: Take): Gateway {
  const gateway = withMembers(given, {})
  const { lookup, move, abandon, completeAction, list } = gateway
  async function send(signal: AbortSignal, call: () => Promise<ChargeOutcome>): Promise<ChargeOutcome> {
    const outcome = await limiter.run(take, signal, call)
    if (!('type' in outcome)) {
      const retryAfterMs = Math.ceil(outcome.retryAfterMs)
      return { type: 'NOT_SENT', fault: 'throttled', reason: `not sent: ${outcome.reason}`, retryAfterMs }
    }
    if (outcome.type === 'NOT_SENT' && outcome.fault === 'throttled') limiter.pause(outcome.retryAfterMs)
    return outcome
  }
  async function ask(signal: AbortSignal, call: () => Promise<LookupAnswer>): Promise<LookupAnswer> {
    const answer = await limiter.run(take, signal, call)
    return 'type' in answer ? answer : { type: 'FAILED_TO_ASK', reason: `not asked: ${answer.reason}` }
  }
  return {
    ...gateway,
    charge: (request, options) => send(options.signal, () => gateway.charge(request, options)),
    move: move && ((request, options) => send(options.signal, () => move(request, options))),
    lookup: lookup && ((request, options) => ask(options.signal, () => lookup(request, options))),
    abandon: abandon && ((request, options) => ask(options.signal, () => abandon(request, options))),
    completeAction:
      completeAction && ((request, options) => ask(options.signal, () => completeAction(request, options))),
    list: list && ((request, options) => limiter.list(options.signal, () => list(request, options))),
  }
}

/** Results that say that the gateway, or our access to it, is out of order; a decline is none. */
function isFault(result: ChargeOutcome | LookupAnswer): boolean {
  switch (result.type) {
    case 'UNKNOWN':
    case 'FAILED_TO_ASK':
      return true
    case 'NOT_SENT':
      return result.fault !== 'throttled'
    case 'REJECTED':
      return result.fault === 'config'
    case 'SUCCEEDED':
    case 'DECLINED':
    case 'PENDING':
    case 'AUTHORIZED':
    case 'REQUIRES_ACTION':
    case 'FOUND':
    case 'NOT_FOUND':
      return false
  }
}
