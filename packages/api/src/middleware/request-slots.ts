import type { RefusalReason } from '@titan/telemetry'
import type { MiddlewareHandler } from 'hono'
import type { AppEnv } from '../http/env.ts'
import { unavailable } from '../problem.ts'

/** The requests in flight and their limit: readiness and the metric read the same count. */
export class RequestSlots {
  readonly limit: number
  #taken = 0

  constructor(limit: number) {
    this.limit = limit
  }

  /** Returns the number of requests that hold a slot now. */
  inFlight(): number {
    return this.#taken
  }

  /** Takes a slot. Returns a function that frees it and may be called more than once; undefined when no slot is free. */
  take(): (() => void) | undefined {
    if (this.#taken >= this.limit) return undefined
    this.#taken += 1
    let isHeld = true
    return () => {
      if (isHeld) this.#taken -= 1
      isHeld = false
    }
  }
}

/** Options of {@link limitRequests}. */
interface RequestLimits {
  /** Longest time until the response, in milliseconds. */
  readonly timeoutMs: number
  readonly slots: RequestSlots
  /** Called for each request that is refused or timed out. @default nothing is counted */
  readonly onRefused?: ((reason: RefusalReason) => void) | undefined
}

/**
 * Responds 503 when a request takes longer than `timeoutMs`, and at once when no slot is free. A slot ends with the response,
 * also when the handler never settles: the server ends the read of a body with its connection, and a statement may complete
 * after the response. The idempotency key makes a repeat safe.
 */
export function limitRequests({ timeoutMs, slots, onRefused }: RequestLimits): MiddlewareHandler<AppEnv> {
  return function limitRequest(_context, next) {
    const release = slots.take()
    if (release === undefined) {
      onRefused?.('in_flight')
      throw unavailable('Too many requests at a time.')
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        release()
        onRefused?.('timeout')
        reject(unavailable('The request took too long.'))
      }, timeoutMs)
      next()
        .finally(() => {
          clearTimeout(timer)
          release()
        })
        .then(resolve, reject)
    })
  }
}
