import { capDelay, categoryOf, DEFAULT_ATTEMPT_CAPS, type AttemptCap, type SoftCategory } from './declines.ts'
import { PaymentsError } from './errors.ts'
import type { WaitingReason } from './payment.ts'

/** How often and when a payment is tried again. */
export interface RetryPolicy {
  /** Retries of a payment after failures that moved no money. @default 5 */
  readonly maxRetries: number
  /** Delay before the first retry, in milliseconds; doubles with each one. @default 1000 */
  readonly retryBaseMs: number
  /** Upper bound of that delay, in milliseconds. @default 60000 */
  readonly retryMaxMs: number
  /** Whether a soft decline gets a new attempt at all. @default false */
  readonly retrySoftDeclines: boolean
  /** Delay before a new attempt after a soft decline, in milliseconds; doubles with each one. @default 3600000, an hour */
  readonly softDeclineDelayMs: number
  /** Most attempts of one payment in a stretch of time, by what the last decline says; a retry waits for its place. No environment variable loosens these rules of the card networks. @default what Visa and Mastercard allow, and less after a decline without a reason */
  readonly attemptCaps: Readonly<Record<SoftCategory, readonly AttemptCap[]>>
  /** Delay while the gateway refuses our own credentials, in milliseconds. @default 60000 */
  readonly configFaultDelayMs: number
  /** When to ask again while an outcome is unknown, in milliseconds; the last one repeats. @default 5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 1 h */
  readonly unknownDelaysMs: readonly number[]
  /** Unknown answers in a row after which an operator must look. @default 30, about a day */
  readonly maxResolves: number
  /** Take-overs of one attempt after which an operator must look: it may be what kills its workers. @default 10 */
  readonly maxTakeovers: number
  /** Time that a customer has to answer the bank where the gateway sets none, in milliseconds. @default 3600000, an hour */
  readonly customerActionTimeoutMs: number
  /** When to ask about a payment that waits, in milliseconds; the last one repeats. A webhook of the gateway comes sooner. @default customer: 30 s to 10 min; capture: 1 h, 6 h, 1 day; gateway: 1 h, 1 h, 6 h, 1 day */
  readonly pollDelaysMs: Readonly<Record<WaitingReason, readonly number[]>>
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  maxRetries: 5,
  retryBaseMs: SECOND,
  retryMaxMs: MINUTE,
  retrySoftDeclines: false,
  softDeclineDelayMs: HOUR,
  attemptCaps: DEFAULT_ATTEMPT_CAPS,
  configFaultDelayMs: MINUTE,
  unknownDelaysMs: [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 2 * HOUR, HOUR],
  maxResolves: 30,
  maxTakeovers: 10,
  customerActionTimeoutMs: HOUR,
  pollDelaysMs: {
    customer: [30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE],
    capture: [HOUR, 6 * HOUR, 24 * HOUR],
    gateway: [HOUR, HOUR, 6 * HOUR, 24 * HOUR],
  },
}

/** Fills in the defaults. @throws {PaymentsError} `INVALID_OPTIONS` */
export function resolveRetryPolicy(options: Partial<RetryPolicy> = {}): RetryPolicy {
  const policy = { ...DEFAULT_RETRY_POLICY, ...options }
  const { unknownDelaysMs, pollDelaysMs, attemptCaps, retrySoftDeclines: _flag, ...numbers } = policy
  for (const [name, value] of Object.entries(numbers))
    if (!isWhole(value, 0)) throw invalid(`${name} must be a whole number of at least 0, got ${value}`)
  for (const delaysMs of [unknownDelaysMs, ...Object.values(pollDelaysMs)])
    if (delaysMs.length === 0 || !delaysMs.every((delayMs) => isWhole(delayMs, 0)))
      throw invalid('unknownDelaysMs and pollDelaysMs must be whole numbers of milliseconds, at least one')
  const caps = Object.values(attemptCaps).flat()
  if (!caps.every(({ attempts, windowMs }) => isWhole(attempts, 1) && isWhole(windowMs, 1)))
    throw invalid('attemptCaps must be whole numbers of at least 1')
  return policy
}

function isWhole(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least
}

function invalid(message: string): PaymentsError {
  return new PaymentsError('INVALID_OPTIONS', message)
}

/** A source of randomness in [0, 1). */
export type Random = () => number

/** Delay before retry number `retries + 1`, in milliseconds: exponential, the upper half of it random. */
export function retryDelay(policy: RetryPolicy, retries: number, random: Random): number {
  const delayMs = Math.min(policy.retryMaxMs, policy.retryBaseMs * 2 ** Math.min(retries, 40))
  return Math.round(delayMs * (0.5 + 0.5 * random()))
}

/**
 * Delay before a further try that uses up no retry, in milliseconds: about the age of the payment, which so doubles, within
 * the bounds of the delays between retries.
 */
export function retryDelayByAge(policy: RetryPolicy, ageMs: number, random: Random): number {
  const delayMs = Math.min(policy.retryMaxMs, Math.max(policy.retryBaseMs, ageMs))
  return Math.round(delayMs * (0.5 + 0.5 * random()))
}

interface SoftDecline {
  readonly code: string
  readonly retries: number
  /** Ages of the payment's attempts, the declined one among them, in milliseconds. */
  readonly attemptAgesMs: readonly number[]
}

/** Delay before a new attempt after a soft decline, in milliseconds; never less than the policy and its caps say. */
export function softDeclineDelay(policy: RetryPolicy, decline: SoftDecline, random: Random): number {
  const { code, retries, attemptAgesMs } = decline
  const least = Math.min(policy.softDeclineDelayMs * 2 ** Math.min(retries, 10), 30 * 24 * HOUR)
  const capMs = capDelay(capsAfter(policy, code), attemptAgesMs)
  return Math.round(Math.max(least, capMs) * (1 + 0.1 * random()))
}

/** Whether the caps leave room for another attempt at once after a decline. */
export function hasRoomFor(policy: RetryPolicy, code: string, attemptAgesMs: readonly number[]): boolean {
  return capDelay(capsAfter(policy, code), attemptAgesMs) === 0
}

function capsAfter({ attemptCaps }: RetryPolicy, code: string): readonly AttemptCap[] {
  const category = categoryOf(code)
  // A gateway may call soft what the table does not know.
  return attemptCaps[category === 'never' ? 'generic' : category]
}

/** Delay before asking again about an unknown outcome, in milliseconds, with a fifth of jitter. */
export function unknownDelay(policy: RetryPolicy, resolves: number, random: Random): number {
  return nthDelay(policy.unknownDelaysMs, resolves, random)
}

/** Delay before asking about a payment that waits, in milliseconds, with a fifth of jitter. */
export function pollDelay(
  policy: RetryPolicy,
  waitsFor: WaitingReason,
  polls: number,
  random: Random,
): number {
  return nthDelay(policy.pollDelaysMs[waitsFor], polls, random)
}

function nthDelay(delaysMs: readonly number[], count: number, random: Random): number {
  const delayMs = delaysMs[Math.min(count, delaysMs.length - 1)] ?? HOUR
  return Math.round(delayMs * (0.8 + 0.4 * random()))
}
