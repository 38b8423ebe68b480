import * as v from 'valibot'
import type { Environment } from './config.ts'
import { PaymentsError } from './errors.ts'
import type { Gateway } from './gateway.ts'
import { createSimulatedGateway } from './simulated-gateway.ts'

/** Makes a gateway from its own environment variables. Adding a gateway is one file and one line here. */
const GATEWAYS: Readonly<Record<string, (environment: Environment) => Gateway>> = {
  simulated: simulatedFromEnv,
}

/**
 * The gateway that `GATEWAY` names, `simulated` when it is not set.
 *
 * @throws {PaymentsError} `INVALID_CONFIG` whose `issues` list everything that is wrong at once
 */
export function gatewayFromEnv(environment: Environment): Gateway {
  const name = environment['GATEWAY']?.trim() || 'simulated'
  const create = Object.hasOwn(GATEWAYS, name) ? GATEWAYS[name] : undefined
  if (create === undefined)
    throw new PaymentsError('INVALID_CONFIG', `GATEWAY must be one of ${Object.keys(GATEWAYS).join(', ')}`)
  return create(environment)
}

const rate = v.pipe(
  v.string(),
  v.trim(),
  v.regex(/^(0(\.\d+)?|1(\.0+)?|\.\d+)$/, 'must be a number from 0 to 1'),
  v.transform(Number),
)
const whole = v.pipe(
  v.string(),
  v.trim(),
  v.regex(/^\d{1,9}$/, 'must be a whole number'),
  v.transform(Number),
)

const SimulatedSchema = v.object({
  GATEWAY_DELAY_MS: v.optional(whole),
  GATEWAY_SUCCESS_RATE: v.optional(rate),
  GATEWAY_TRANSIENT_RATE: v.optional(rate),
  GATEWAY_DECLINE_RATE: v.optional(rate),
  GATEWAY_UNKNOWN_RATE: v.optional(rate),
  GATEWAY_SEED: v.optional(whole),
})

function simulatedFromEnv(environment: Environment): Gateway {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const result = v.safeParse(SimulatedSchema, given)
  if (!result.success) {
    const issues = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'environment'} ${issue.message}`)
    throw new PaymentsError(
      'INVALID_CONFIG',
      `The gateway's configuration is not valid: ${issues.join('; ')}`,
      { issues },
    )
  }
  const { output } = result
  return createSimulatedGateway({
    ...(output.GATEWAY_DELAY_MS !== undefined && { delayMs: output.GATEWAY_DELAY_MS }),
    ...(output.GATEWAY_SUCCESS_RATE !== undefined && { successRate: output.GATEWAY_SUCCESS_RATE }),
    ...(output.GATEWAY_TRANSIENT_RATE !== undefined && { transientRate: output.GATEWAY_TRANSIENT_RATE }),
    ...(output.GATEWAY_DECLINE_RATE !== undefined && { declineRate: output.GATEWAY_DECLINE_RATE }),
    ...(output.GATEWAY_UNKNOWN_RATE !== undefined && { unknownRate: output.GATEWAY_UNKNOWN_RATE }),
    ...(output.GATEWAY_SEED !== undefined && { seed: output.GATEWAY_SEED }),
  })
}
