import * as v from 'valibot'
import { PaymentsError } from './domain/errors.ts'
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from './domain/retry-policy.ts'

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The settings that the API and the worker share. */
export interface PaymentsConfig {
  /** With `prepare=false` in it where the statements may have no names. */
  readonly databaseUrl: string
  readonly redisUrl: string
  /** First part of every Redis key. */
  readonly prefix: string
  readonly databasePoolSize: number
  readonly gatewayTimeoutMs: number
  readonly leaseMs: number
  readonly relayIntervalMs: number
  readonly reconcileIntervalMs: number
  readonly policy: RetryPolicy
}

function whole(min: number, max: number, fallback: number): v.GenericSchema<string | undefined, number> {
  const message = `must be a whole number from ${min} to ${max}`
  return v.pipe(
    v.optional(v.string(), String(fallback)),
    v.trim(),
    v.regex(/^\d+$/, message),
    v.transform(Number),
    v.minValue(min, message),
    v.maxValue(max, message),
  )
}

function flag(fallback: 'true' | 'false'): v.GenericSchema<string | undefined, boolean> {
  return v.pipe(
    v.optional(v.string(), fallback),
    v.picklist(['true', 'false'], 'must be true or false'),
    v.transform((text) => text === 'true'),
  )
}

function url(protocols: readonly string[]): v.GenericSchema<string | undefined, string> {
  const message = `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`
  return v.pipe(
    v.string('must be set'),
    v.trim(),
    v.check((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), message),
  ) as v.GenericSchema<string | undefined, string>
}

const DAY = 86_400_000
const defaults = DEFAULT_RETRY_POLICY

const EnvironmentSchema = v.object({
  DATABASE_URL: url(['postgres:', 'postgresql:']),
  REDIS_URL: url(['redis:', 'rediss:']),
  QUEUE_PREFIX: v.pipe(
    v.optional(v.string(), 'titan'),
    v.regex(/^[\w.:-]{1,100}$/, 'must be 1–100 letters, digits or . : - _'),
  ),
  DATABASE_POOL_SIZE: whole(1, 1_000, 10),
  DATABASE_PREPARE: flag('true'),
  GATEWAY_TIMEOUT_MS: whole(1, 600_000, 10_000),
  LEASE_MS: whole(1, DAY, 15_000),
  RELAY_INTERVAL_MS: whole(1, DAY, 500),
  RECONCILE_INTERVAL_MS: whole(1, DAY, 2_000),
  MAX_RETRIES: whole(0, 1_000, defaults.maxRetries),
  RETRY_BASE_MS: whole(0, DAY, defaults.retryBaseMs),
  RETRY_MAX_MS: whole(0, DAY, defaults.retryMaxMs),
  RETRY_SOFT_DECLINES: flag('false'),
  SOFT_DECLINE_DELAY_MS: whole(0, 30 * DAY, defaults.softDeclineDelayMs),
})

/**
 * Reads the shared settings. `REDIS_ADDR=host:port` stands in for `REDIS_URL`. Variables that are empty count as not set.
 *
 * @throws {PaymentsError} `INVALID_CONFIG` whose `issues` list everything that is wrong at once
 */
export function loadPaymentsConfig(environment: Environment): PaymentsConfig {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const address = given['REDIS_ADDR']
  if (given['REDIS_URL'] === undefined && address !== undefined)
    given['REDIS_URL'] = address.includes('://') ? address : `redis://${address}`
  const result = v.safeParse(EnvironmentSchema, given)
  const issues = result.success ? [] : result.issues.map((issue) => describe(issue))
  if (result.success && result.output.LEASE_MS < result.output.GATEWAY_TIMEOUT_MS + 2_000)
    issues.push(
      'LEASE_MS must be at least GATEWAY_TIMEOUT_MS + 2000: a lease must outlive the gateway call it covers',
    )
  if (!result.success || issues.length > 0)
    throw new PaymentsError(
      'INVALID_CONFIG',
      `The configuration is not valid:\n${issues.map((issue) => `  - ${issue}`).join('\n')}`,
      {
        issues,
      },
    )
  const { output } = result
  return {
    databaseUrl: output.DATABASE_PREPARE ? output.DATABASE_URL : withoutNames(output.DATABASE_URL),
    redisUrl: output.REDIS_URL,
    prefix: output.QUEUE_PREFIX,
    databasePoolSize: output.DATABASE_POOL_SIZE,
    gatewayTimeoutMs: output.GATEWAY_TIMEOUT_MS,
    leaseMs: output.LEASE_MS,
    relayIntervalMs: output.RELAY_INTERVAL_MS,
    reconcileIntervalMs: output.RECONCILE_INTERVAL_MS,
    policy: {
      ...DEFAULT_RETRY_POLICY,
      maxRetries: output.MAX_RETRIES,
      retryBaseMs: output.RETRY_BASE_MS,
      retryMaxMs: output.RETRY_MAX_MS,
      retrySoftDeclines: output.RETRY_SOFT_DECLINES,
      softDeclineDelayMs: output.SOFT_DECLINE_DELAY_MS,
    },
  }
}

/** The URL is all that every program hands on, so the choice travels in it. */
function withoutNames(databaseUrl: string): string {
  const url = new URL(databaseUrl)
  url.searchParams.set('prepare', 'false')
  return url.href
}

/** The value stays out of the message: a URL may hold a password. */
function describe(issue: v.BaseIssue<unknown>): string {
  return `${v.getDotPath(issue) ?? 'environment'} ${issue.received === 'undefined' ? 'must be set' : issue.message}`
}
