import * as v from 'valibot'
import type { Environment } from '../config.ts'
import { readGatewayEnvironment, share, whole } from './environment.ts'
import type { BreakerOptions, GatewayLimits } from './limits.ts'

const positive = v.pipe(whole, v.minValue(1, 'must be a whole number of at least 1'))

const LimitsSchema = v.object({
  GATEWAY_MAX_CONCURRENT: v.optional(positive),
  GATEWAY_RATE_PER_SECOND: v.optional(positive),
  GATEWAY_BREAKER: v.optional(
    v.pipe(
      v.string(),
      v.trim(),
      v.picklist(['true', 'false'], 'must be true or false'),
      v.transform((text) => text === 'true'),
    ),
  ),
  GATEWAY_BREAKER_FAILURE_SHARE: v.optional(share),
  GATEWAY_BREAKER_WINDOW: v.optional(positive),
  GATEWAY_BREAKER_MIN_CALLS: v.optional(positive),
  GATEWAY_BREAKER_OPEN_MS: v.optional(positive),
  GATEWAY_BREAKER_MAX_OPEN_MS: v.optional(positive),
})

/** Which option each variable of the breaker's sets. */
const BREAKER_OPTIONS = {
  GATEWAY_BREAKER_FAILURE_SHARE: 'failureShare',
  GATEWAY_BREAKER_WINDOW: 'windowCalls',
  GATEWAY_BREAKER_MIN_CALLS: 'minCalls',
  GATEWAY_BREAKER_OPEN_MS: 'openMs',
  GATEWAY_BREAKER_MAX_OPEN_MS: 'maxOpenMs',
} as const satisfies Readonly<Record<string, keyof BreakerOptions>>

/**
 * The limits of the environment over `defaults`. Setting anything of the breaker's switches it on, `GATEWAY_BREAKER=false`
 * switches it off.
 *
 * @throws {PaymentsError} `INVALID_CONFIG`
 */
export function limitsFromEnv(environment: Environment, defaults: GatewayLimits = {}): GatewayLimits {
  const given = readGatewayEnvironment(LimitsSchema, environment)
  const breaker: Record<string, number> = {}
  for (const [variable, option] of Object.entries(BREAKER_OPTIONS)) {
    const value = given[variable as keyof typeof BREAKER_OPTIONS]
    if (value !== undefined) breaker[option] = value
  }
  const isAsked =
    given.GATEWAY_BREAKER === true || Object.keys(breaker).length > 0 || defaults.breaker !== undefined
  const isOn = given.GATEWAY_BREAKER ?? isAsked
  const { maxConcurrent, ratePerSecond } = defaults
  return {
    ...(maxConcurrent !== undefined && { maxConcurrent }),
    ...(ratePerSecond !== undefined && { ratePerSecond }),
    ...(given.GATEWAY_MAX_CONCURRENT !== undefined && { maxConcurrent: given.GATEWAY_MAX_CONCURRENT }),
    ...(given.GATEWAY_RATE_PER_SECOND !== undefined && { ratePerSecond: given.GATEWAY_RATE_PER_SECOND }),
    ...(isOn && { breaker: { ...defaults.breaker, ...breaker } }),
  }
}
