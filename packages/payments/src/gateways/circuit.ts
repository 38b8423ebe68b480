import { pause } from '@titan/queue-core/async'
import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  CountBreaker,
  DelegateBackoff,
  handleWhenResult,
  type CircuitBreakerPolicy,
} from 'cockatiel'
import type { ChargeOutcome, CircuitStatus, LookupAnswer } from './gateway.ts'

/** When a circuit breaker opens, and for how long. */
export interface CircuitOptions {
  /** Share of the latest calls that must have failed, above 0 up to 1. */
  readonly failureShare: number
  /** Number of latest calls that are considered. */
  readonly windowCalls: number
  /** Minimum number of calls before the breaker may open. */
  readonly minCalls: number
  /** First time that it stays open, in milliseconds; doubles each time the gateway is still down. */
  readonly openMs: number
  /** Longest time that it stays open, in milliseconds. */
  readonly maxOpenMs: number
}

type Result = ChargeOutcome | LookupAnswer

const STATUS = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'probing',
  [CircuitState.Isolated]: 'open',
} as const

/** Longest wait of a caller while another one probes, in milliseconds: only a safeguard, the end of the probe wakes it. */
const PROBE_WAIT_MS = 1_000

/** The library uses another clock, and a probe must not come too early for it. */
const CLOCK_MARGIN_MS = 5

/** A circuit breaker that callers can wait for. */
export class CircuitBreaker {
  readonly #policy: CircuitBreakerPolicy
  #probeAt = 0
  #isProbing = false
  /** Aborted and replaced when waiting callers must look again. */
  #change = new AbortController()

  /** A result that is no fault, such as a decline, counts as a success of the gateway. */
  constructor(
    { failureShare, windowCalls, minCalls, openMs, maxOpenMs }: CircuitOptions,
    isFault: (result: Result) => boolean,
    onStatus: (status: CircuitStatus) => void,
  ) {
    this.#policy = circuitBreaker(
      handleWhenResult((result) => isFault(result as Result)),
      {
        breaker: new CountBreaker({
          // The library opens above the threshold, not at it.
          threshold: failureShare - 1e-9,
          size: windowCalls,
          minimumNumberOfCalls: minCalls,
        }),
        halfOpenAfter: new DelegateBackoff(({ attempt }) => {
          const longest = Math.min(maxOpenMs, openMs * 2 ** Math.min(attempt - 1, 30))
          // A fifth of jitter, so that the workers of many machines do not probe at the same time.
          const delayMs = longest * (0.8 + 0.2 * Math.random())
          this.#probeAt = performance.now() + delayMs + CLOCK_MARGIN_MS
          return delayMs
        }),
      },
    )
    this.#policy.onStateChange((state) => {
      this.#wakeCallers()
      onStatus(STATUS[state])
    })
  }

  get status(): CircuitStatus {
    return STATUS[this.#policy.state]
  }

  /** Returns the milliseconds until a request may be sent; 0 when one may be sent now. */
  waitMs(): number {
    return this.status === 'open' ? Math.max(0, this.#probeAt - performance.now()) : 0
  }

  /**
   * Waits until the caller may send: the circuit is closed, or the caller is the one that probes. Resolves with a function
   * to call once, after sending. Rejects with the signal's reason.
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    for (;;) {
      signal.throwIfAborted()
      if (this.status === 'closed') return () => {}
      const delayMs = this.waitMs()
      if (this.status === 'open' && delayMs === 0 && !this.#isProbing) {
        this.#isProbing = true
        // The next caller probes when this probe has sent nothing.
        return () => {
          this.#isProbing = false
          this.#wakeCallers()
        }
      }
      await pause(Math.ceil(delayMs) || PROBE_WAIT_MS, AbortSignal.any([signal, this.#change.signal]))
    }
  }

  /** Runs a call and counts its result. Resolves with undefined when the circuit does not let it through. */
  async run<Value>(call: () => Promise<Value>): Promise<Value | undefined> {
    // During a probe the library would make further calls wait; callers that can wait have done so in `enter`.
    if (this.waitMs() > 0 || this.status === 'probing') return undefined
    try {
      return await this.#policy.execute(call)
    } catch (error) {
      if (error instanceof BrokenCircuitError) return undefined
      throw error
    }
  }

  #wakeCallers(): void {
    const change = this.#change
    this.#change = new AbortController()
    change.abort()
  }
}
