import {
  readSettings,
  share,
  toggle,
  wholeNumber,
  type Setting,
  type SettingBasics,
  type SettingNames,
  type SettingsSource,
} from '@titan/service'
import type { FleetLimits } from './fleet.ts'
import type { GatewayLimits } from './limited-gateway.ts'

/** A whole number of at least `min` that may be missing. */
export function count(basics: SettingBasics, min: number): Setting<number | undefined> {
  return wholeNumber<undefined>(basics, { fallback: undefined, min, max: 999_999_999 })
}

/** Names a limit: of one gateway its own variable, before the common one. */
function namesOf(gateway: string | undefined, setting: string, about: string): SettingBasics {
  const common = `GATEWAY_${setting}`
  if (gateway === undefined) return { env: common, about }
  return { env: `${prefixOf(gateway)}_${setting}`, alsoEnv: [common], about }
}

/** The limits of one gateway, whose variables go over the common ones. */
function limitSettings(gateway?: string) {
  const names = (setting: string, about: string): SettingBasics => namesOf(gateway, setting, about)
  const limit = (setting: string, about: string) => count(names(setting, about), 1)
  return {
    maxConcurrent: limit('MAX_CONCURRENT', 'Maximum number of concurrent calls.'),
    ratePerSecond: limit('RATE_PER_SECOND', 'Maximum number of calls per second.'),
    breaker: {
      ...toggle(names('BREAKER', 'Use a circuit breaker: true or false.'), false),
      shown: '',
      fallback: undefined,
    },
    failureShare: share(
      names('BREAKER_FAILURE_SHARE', 'Share of failed calls that opens the circuit breaker, 0..1.'),
    ),
    windowCalls: limit('BREAKER_WINDOW', 'Number of recent calls that the circuit breaker considers.'),
    minCalls: limit('BREAKER_MIN_CALLS', 'Minimum number of calls before the circuit breaker may open.'),
    openMs: limit('BREAKER_OPEN_MS', 'Time that the circuit breaker stays open before a trial call.'),
    maxOpenMs: limit(
      'BREAKER_MAX_OPEN_MS',
      'Longest time that it stays open; the time grows with each failed trial.',
    ),
  }
}

/** The limits of one gateway for all processes together. */
function fleetSettings(gateway?: string) {
  const limit = (setting: string, about: string) => count(namesOf(gateway, setting, about), 1)
  return {
    maxConcurrent: limit(
      'FLEET_MAX_CONCURRENT',
      'Maximum number of concurrent calls of all workers together.',
    ),
    ratePerSecond: limit(
      'FLEET_RATE_PER_SECOND',
      'Maximum number of calls per second of all workers together.',
    ),
  }
}

/** Reads the limits for all processes together; undefined without any. */
export function fleetLimitsOf(source: SettingsSource, gateway: string): FleetLimits | undefined {
  const limits = readSettings(fleetSettings(gateway), source)
  return Object.values(limits).some((limit) => limit !== undefined) ? limits : undefined
}

/** What the variables of a gateway begin with. */
function prefixOf(gateway: string): string {
  return gateway.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
}

/** The help on limits that workers alone share, through Redis. */
export const fleetSection = {
  title:
    'Limits of each gateway for all workers together, kept in Redis; STRIPE_FLEET_MAX_CONCURRENT and the like go over them',
  settings: Object.values<SettingNames>(fleetSettings()),
}

export const limitsSection = {
  title:
    'Limits of each gateway in each process (stripe, adyen: 20, 20 and a circuit breaker; modules: a circuit breaker). STRIPE_MAX_CONCURRENT and the like go over them for one gateway',
  settings: Object.values<SettingNames>(limitSettings()),
}

/** Reads the limits over `defaults`. Any setting of the breaker switches it on, `GATEWAY_BREAKER=false` switches it off. */
export function limitsOf(
  source: SettingsSource,
  defaults: GatewayLimits = {},
  gateway?: string,
): GatewayLimits {
  const { maxConcurrent, ratePerSecond, breaker, ...options } = readSettings(limitSettings(gateway), source)
  const isGiven = Object.values(options).some((value) => value !== undefined)
  const isOn = breaker ?? (isGiven || defaults.breaker !== undefined)
  return {
    maxConcurrent: maxConcurrent ?? defaults.maxConcurrent,
    ratePerSecond: ratePerSecond ?? defaults.ratePerSecond,
    breaker: isOn ? { ...defaults.breaker, ...options } : undefined,
  }
}
