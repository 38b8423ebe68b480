import { PaymentsError } from '../domain/errors.ts'

/** When a circuit breaker opens, and for how long. */
export interface BreakerOptions {
  /** Share of the latest calls that must have failed, above 0 up to 1. @default 0.5 */
  readonly failureShare?: number | undefined
  /** Number of latest calls that are considered. @default 20 */
  readonly windowCalls?: number | undefined
  /** Minimum number of calls before the breaker may open. @default 5 */
  readonly minCalls?: number | undefined
  /** First time that it stays open, in milliseconds; doubles each time the gateway is still down. @default 5000 */
  readonly openMs?: number | undefined
  /** Longest time that it stays open, in milliseconds. @default 60000 */
  readonly maxOpenMs?: number | undefined
}

/** Options of `limitGateway`. */
export interface GatewayLimits {
  /** Most conversations at the same time. @default no limit */
  readonly maxConcurrent?: number | undefined
  /** Most requests in any second. @default no limit */
  readonly ratePerSecond?: number | undefined
  /** @default no breaker */
  readonly breaker?: BreakerOptions | undefined
}

/** Breaker options with every default filled in. */
export type ResolvedBreaker = Readonly<Record<keyof BreakerOptions, number>>

/** Limits with every default filled in. */
export interface ResolvedLimits {
  readonly maxConcurrent: number
  readonly ratePerSecond: number
  readonly breaker: ResolvedBreaker | undefined
}

/** Checks limits and fills in the defaults. @throws {PaymentsError} `INVALID_OPTIONS` */
export function resolveLimits({
  maxConcurrent = Infinity,
  ratePerSecond = Infinity,
  breaker,
}: GatewayLimits): ResolvedLimits {
  if (!(maxConcurrent === Infinity || isCount(maxConcurrent)))
    throw invalid(`maxConcurrent must be a whole number of at least 1, got ${maxConcurrent}`)
  if (!(ratePerSecond === Infinity || (ratePerSecond >= 0.01 && ratePerSecond <= 1_000_000)))
    throw invalid(`ratePerSecond must be from 0.01 to 1000000, got ${ratePerSecond}`)
  return { maxConcurrent, ratePerSecond, breaker: breaker && resolveBreaker(breaker) }
}

function resolveBreaker(options: BreakerOptions): ResolvedBreaker {
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
