import * as v from 'valibot'
import type { Environment } from '../config.ts'
import { PaymentsError } from '../domain/errors.ts'

/** A share, from 0 to 1. */
export const share: v.GenericSchema<string, number> = v.pipe(
  v.string(),
  v.trim(),
  v.regex(/^(0(\.\d+)?|1(\.0+)?|\.\d+)$/, 'must be a number from 0 to 1'),
  v.transform(Number),
)

/** A whole number of at least 0. */
export const whole: v.GenericSchema<string, number> = v.pipe(
  v.string(),
  v.trim(),
  v.regex(/^\d{1,9}$/, 'must be a whole number'),
  v.transform(Number),
)

/**
 * Reads a gateway's variables; an empty one counts as not set. The values stay out of the messages: one may be a secret.
 *
 * @throws {PaymentsError} `INVALID_CONFIG` whose `issues` list everything that is wrong at once
 */
export function readGatewayEnvironment<Schema extends v.GenericSchema>(
  schema: Schema,
  environment: Environment,
): v.InferOutput<Schema> {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const result = v.safeParse(schema, given)
  if (result.success) return result.output
  const issues = result.issues.map((issue) => {
    const isMissing = issue.received === 'undefined'
    return `${v.getDotPath(issue) ?? 'environment'} ${isMissing ? 'must be set' : issue.message}`
  })
  throw new PaymentsError(
    'INVALID_CONFIG',
    `The gateway's configuration is not valid: ${issues.join('; ')}`,
    {
      issues,
    },
  )
}
