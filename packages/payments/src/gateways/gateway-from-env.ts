import * as v from 'valibot'
import type { Environment } from '../config.ts'
import { PaymentsError } from '../domain/errors.ts'
import type { Gateway } from './gateway.ts'
import { readGatewayEnvironment, share, whole } from './environment.ts'
import type { GatewayLimits } from './limits.ts'
import { limitsFromEnv } from './limits-from-env.ts'
import { limitGateway } from './limited-gateway.ts'
import { stripeFromEnv } from './stripe-from-env.ts'
import { createSimulatedGateway } from './simulated-gateway.ts'

interface Registration {
  readonly create: (environment: Environment) => Gateway
  /** What the gateway bears in each process; `GATEWAY_MAX_CONCURRENT` and its like change it. */
  readonly limits: GatewayLimits
}

/** Makes a gateway from its own environment variables. Adding a gateway is one file and one line here. */
const GATEWAYS: Readonly<Record<string, Registration>> = {
  simulated: { create: simulatedFromEnv, limits: {} },
  // Stripe takes 25 requests a second in a sandbox and 100 in live mode.
  stripe: { create: stripeFromEnv, limits: { maxConcurrent: 20, ratePerSecond: 20, breaker: {} } },
}

/**
 * The gateway that `GATEWAY` names, `simulated` when it is not set, behind the limits of the environment.
 *
 * @throws {PaymentsError} `INVALID_CONFIG` whose `issues` list everything that is wrong at once
 */
export function gatewayFromEnv(environment: Environment): Gateway {
  const name = environment['GATEWAY']?.trim() || 'simulated'
  const registration = Object.hasOwn(GATEWAYS, name) ? GATEWAYS[name] : undefined
  if (registration === undefined)
    throw new PaymentsError('INVALID_CONFIG', `GATEWAY must be one of ${Object.keys(GATEWAYS).join(', ')}`)
  const [gateway, limits] = readBoth(
    () => registration.create(environment),
    () => limitsFromEnv(environment, registration.limits),
  )
  return Object.keys(limits).length === 0 ? gateway : limitGateway(gateway, limits)
}

/**
 * The gateway of the environment for programs that only look attempts up. Undefined for the simulated one, whose books
 * are in its worker's memory, and where the settings do not make a gateway.
 */
export function lookUpGatewayFromEnv(environment: Environment): Gateway | undefined {
  const name = environment['GATEWAY']?.trim() || 'simulated'
  if (name === 'simulated') return undefined
  try {
    return gatewayFromEnv(environment)
  } catch (error) {
    if (error instanceof PaymentsError) return undefined
    throw error
  }
}

/** Reads both, so that what is wrong with either is told at once. */
function readBoth<One, Other>(readOne: () => One, readOther: () => Other): readonly [One, Other] {
  const issues: string[] = []
  const attempt = <Value>(read: () => Value): Value | undefined => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof PaymentsError)) throw error
      issues.push(...error.issues)
      return undefined
    }
  }
  const [one, other] = [attempt(readOne), attempt(readOther)]
  if (one !== undefined && other !== undefined) return [one, other]
  throw new PaymentsError(
    'INVALID_CONFIG',
    `The gateway's configuration is not valid: ${issues.join('; ')}`,
    {
      issues,
    },
  )
}

const SimulatedSchema = v.object({
  GATEWAY_DELAY_MS: v.optional(whole),
  GATEWAY_SUCCESS_RATE: v.optional(share),
  GATEWAY_TRANSIENT_RATE: v.optional(share),
  GATEWAY_DECLINE_RATE: v.optional(share),
  GATEWAY_UNKNOWN_RATE: v.optional(share),
  GATEWAY_SEED: v.optional(whole),
})

function simulatedFromEnv(environment: Environment): Gateway {
  const output = readGatewayEnvironment(SimulatedSchema, environment)
  return createSimulatedGateway({
    ...(output.GATEWAY_DELAY_MS !== undefined && { delayMs: output.GATEWAY_DELAY_MS }),
    ...(output.GATEWAY_SUCCESS_RATE !== undefined && { successRate: output.GATEWAY_SUCCESS_RATE }),
    ...(output.GATEWAY_TRANSIENT_RATE !== undefined && { transientRate: output.GATEWAY_TRANSIENT_RATE }),
    ...(output.GATEWAY_DECLINE_RATE !== undefined && { declineRate: output.GATEWAY_DECLINE_RATE }),
    ...(output.GATEWAY_UNKNOWN_RATE !== undefined && { unknownRate: output.GATEWAY_UNKNOWN_RATE }),
    ...(output.GATEWAY_SEED !== undefined && { seed: output.GATEWAY_SEED }),
  })
}
