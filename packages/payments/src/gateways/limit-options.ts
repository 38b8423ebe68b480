import { PaymentsError } from '../domain/errors.ts'

/** When a circuit breaker opens, and for how long. */
export interface BreakerOptions {
  /** Share of the last calls that must have failed, above 0 to 1. @default 0.5 */
  readonly failureShare?: number
  /** How many calls are looked back at. @default 20 */
  readonly windowCalls?: number
  /** Fewer calls than this open nothing. @default 5 */
  readonly minCalls?: number
  /** How long it stays open at first, in milliseconds; doubles each time the gateway is still down. @default 5000 */
  readonly openMs?: number
  /** Longest time it stays open, in milliseconds. @default 60000 */
  readonly maxOpenMs?: number
}

/** Options of `limitGateway`. What is not given is not limited. */
export interface GatewayLimits {
  /** Conversations at the same time. @default no limit */
  readonly maxConcurrent?: number
  /** Requests in any second. @default no limit */
  readonly ratePerSecond?: number
  /** @default no breaker */
  readonly breaker?: BreakerOptions
}

/** Options with every default filled in. */
export interface ResolvedLimits {
  readonly maxConcurrent: number
  readonly ratePerSecond: number
  readonly breaker: Required<BreakerOptions> | undefined
}

/** Checks limits and fills in the defaults. @throws {PaymentsError} `INVALID_OPTIONS` */
export function resolveLimits({
  maxConcurrent = Infinity,
  ratePerSecond = Infinity,
  breaker,
}: GatewayLimits): ResolvedLimits {
  if (!(maxConcurrent === Infinity || (Number.isSafeInteger(maxConcurrent) && maxConcurrent >= 1)))
    throw new PaymentsError('INVALID_OPTIONS', `maxConcurrent must be a whole number of at least 1`)
  if (!(ratePerSecond === Infinity || (ratePerSecond >= 0.01 && ratePerSecond <= 1_000_000)))
    throw new PaymentsError('INVALID_OPTIONS', `ratePerSecond must be from 0.01 to 1000000`)
  return { maxConcurrent, ratePerSecond, breaker: breaker && resolveBreaker(breaker) }
}

function resolveBreaker(options: BreakerOptions): Required<BreakerOptions> {
  const {
    failureShare = 0.5,
    windowCalls = 20,
    minCalls = Math.min(5, windowCalls),
    openMs = 5_000,
  } = options
  const { maxOpenMs = Math.max(60_000, openMs) } = options
  const isSound =
    failureShare > 0 &&
    failureShare <= 1 &&
    [windowCalls, minCalls, openMs].every((value) => Number.isSafeInteger(value) && value >= 1) &&
    minCalls <= windowCalls &&
    maxOpenMs >= openMs
  if (!isSound)
    throw new PaymentsError(
      'INVALID_OPTIONS',
      'a breaker needs 0 < failureShare ≤ 1, 1 ≤ minCalls ≤ windowCalls and 1 ≤ openMs ≤ maxOpenMs',
    )
  return { failureShare, windowCalls, minCalls, openMs, maxOpenMs }
}
