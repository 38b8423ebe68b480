import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  CountBreaker,
  DelegateBackoff,
  handleWhenResult,
} from 'cockatiel'
import { waitUntil, type Bell } from './bell.ts'
import type { BreakerOptions } from './limit-options.ts'

/** `open`: nothing is sent. `probing`: one request finds out whether the gateway is back. */
export type CircuitStatus = 'closed' | 'open' | 'probing'

/** A circuit breaker that can be waited for. */
export interface Circuit {
  readonly status: CircuitStatus
  /** Milliseconds until a request may be sent; 0 when one may be now. */
  waitMs(): number
  /** Resolves when the caller may send: the circuit is closed, or the caller is the one who probes. */
  enter(signal: AbortSignal): Promise<Pass>
  /** Counts what `call` comes to. Undefined when the circuit does not let it through. */
  run<Value>(call: () => Promise<Value>): Promise<Value | undefined>
}

/** The right to be the next one through the circuit. */
export interface Pass {
  /** Idempotent. */
  leave(): void
}

/** Options of {@link createCircuit}. */
export interface CircuitOptions extends Required<BreakerOptions> {
  /** Whether a result is the gateway's fault; anything else is a success, a decline too. */
  readonly isFault: (result: unknown) => boolean
  /** Rings when somebody who waits should look again. */
  readonly bell: Bell
  readonly onStatus: (status: CircuitStatus) => void
}

/** Milliseconds between two looks while somebody else probes: only a second guard, the bell rings before. */
const LOOK_AGAIN_MS = 1_000

/** The library measures with another clock, and we must not knock too early. */
const CLOCK_MARGIN_MS = 5

/** A closed circuit. */
export function createCircuit(options: CircuitOptions): Circuit {
  const { isFault, bell, onStatus, failureShare, windowCalls, minCalls, openMs, maxOpenMs } = options
  let opensAgainAt = 0
  let isProbing = false
  const policy = circuitBreaker(handleWhenResult(isFault), {
    // It opens above a share, not at it.
    breaker: new CountBreaker({
      threshold: failureShare - 1e-9,
      size: windowCalls,
      minimumNumberOfCalls: minCalls,
    }),
    halfOpenAfter: new DelegateBackoff(({ attempt }) => {
      // A fifth of jitter, so that the workers of many machines do not come back as one.
      const delayMs =
        Math.min(maxOpenMs, openMs * 2 ** Math.min(attempt - 1, 30)) * (0.8 + 0.2 * Math.random())
      opensAgainAt = performance.now() + delayMs + CLOCK_MARGIN_MS
      return delayMs
    }),
  })
  policy.onStateChange((state) => {
    bell.ring()
    onStatus(STATUS[state])
  })

  const waitMs = (): number =>
    policy.state === CircuitState.Open ? Math.max(0, opensAgainAt - performance.now()) : 0

  return {
    get status() {
      return STATUS[policy.state]
    },
    waitMs,
    async enter(signal) {
      for (;;) {
        signal.throwIfAborted()
        if (policy.state === CircuitState.Closed) return { leave: () => {} }
        const delayMs = waitMs()
        if (policy.state === CircuitState.Open && delayMs === 0 && !isProbing) {
          isProbing = true
          return { leave: once(endProbe) }
        }
        await waitUntil(bell, delayMs === 0 ? LOOK_AGAIN_MS : delayMs, signal)
      }
    },
    async run(call) {
      // While somebody probes, the library would let others wait; whoever is here has waited already.
      if (waitMs() > 0 || policy.state === CircuitState.HalfOpen) return undefined
      try {
        return await policy.execute(call)
      } catch (error) {
        if (error instanceof BrokenCircuitError) return undefined
        throw error
      }
    },
  }

  /** A probe that sent nothing leaves the question to the next one. */
  function endProbe(): void {
    isProbing = false
    bell.ring()
  }
}

const STATUS: Readonly<Record<CircuitState, CircuitStatus>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'probing',
  [CircuitState.Isolated]: 'open',
}

function once(act: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    act()
  }
}
