import * as v from 'valibot'
import { WebhooksError } from './model/errors.ts'
import { isSubnet, PUBLIC_EGRESS, type EgressPolicy } from './model/egress-policy.ts'
import { DEFAULT_RETRY_SCHEDULE } from './model/retry-schedule.ts'

/** The settings that the API and the sender share. */
export interface WebhooksConfig {
  /** 32 bytes each; the first one encrypts. */
  readonly encryptionKeys: readonly Uint8Array[]
  readonly egress: EgressPolicy
  /** Delay before each attempt, in milliseconds. */
  readonly retryDelaysMs: readonly number[]
  /** Longest request, in milliseconds. */
  readonly timeoutMs: number
  /** Requests of one process at the same time. */
  readonly concurrency: number
  /** Requests to one endpoint at the same time, over all processes. */
  readonly endpointConcurrency: number
  /** Events whose deliveries have all ended are deleted after this long, in milliseconds. */
  readonly retentionMs: number
}

const KEY_BYTES = 32
const HOUR = 3_600_000
const DAY = 24 * HOUR

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function whole(min: number, max: number, fallback: number): v.GenericSchema<string | undefined, number> {
  const message = `must be a whole number from ${min} to ${max}`
  return v.pipe(
    v.optional(v.string(), String(fallback)),
    v.trim(),
    v.regex(/^\d{1,15}$/, message),
    v.transform(Number),
    v.minValue(min, message),
    v.maxValue(max, message),
  )
}

function wholes(
  min: number,
  max: number,
  fallback: readonly number[],
): v.GenericSchema<string | undefined, number[]> {
  const message = `must be whole numbers from ${min} to ${max}, separated by commas`
  return v.pipe(
    v.optional(v.string(), fallback.join(',')),
    v.transform(list),
    v.check(
      (parts) =>
        parts.length > 0 &&
        parts.every((part) => /^\d{1,15}$/.test(part) && isWithin(Number(part), min, max)),
      message,
    ),
    v.transform((parts) => parts.map(Number)),
  )
}

function isWithin(number: number, min: number, max: number): boolean {
  return number >= min && number <= max
}

const EnvironmentSchema = v.object({
  WEBHOOK_ENCRYPTION_KEY: v.pipe(
    v.string(),
    v.transform((text) => list(text).map(readKey)),
    v.check(
      (keys) => keys.length > 0 && keys.every((key) => key.length === KEY_BYTES),
      `must be ${KEY_BYTES} random bytes as base64 or hexadecimal; several, the newest first, are separated by commas`,
    ),
  ),
  WEBHOOK_ALLOW_HTTP: v.pipe(
    v.optional(v.string(), 'false'),
    v.picklist(['true', 'false'], 'must be true or false'),
    v.transform((text) => text === 'true'),
  ),
  WEBHOOK_ALLOWED_PORTS: wholes(1, 65_535, PUBLIC_EGRESS.allowedPorts),
  WEBHOOK_ALLOWED_SUBNETS: v.pipe(
    v.optional(v.string(), ''),
    v.transform(list),
    v.check((subnets) => subnets.every(isSubnet), 'must be subnets such as 127.0.0.0/8, separated by commas'),
  ),
  WEBHOOK_RETRY_DELAYS_MS: wholes(0, 30 * DAY, DEFAULT_RETRY_SCHEDULE.delaysMs),
  WEBHOOK_TIMEOUT_MS: whole(1, 60_000, 15_000),
  WEBHOOK_CONCURRENCY: whole(1, 10_000, 64),
  WEBHOOK_ENDPOINT_CONCURRENCY: whole(1, 1_000, 8),
  WEBHOOK_RETENTION_MS: whole(HOUR, 3_650 * DAY, 30 * DAY),
})

/** Base64, also in its URL form, or hexadecimal. */
function readKey(text: string): Uint8Array {
  return Buffer.from(text, /^[\da-f]{64}$/i.test(text) ? 'hex' : 'base64')
}

/**
 * Reads the settings of outgoing webhooks. Undefined without `WEBHOOK_ENCRYPTION_KEY`: then there are none. Variables that
 * are empty count as not set.
 *
 * @throws {WebhooksError} `INVALID_CONFIG` whose `issues` list everything that is wrong at once
 */
export function loadWebhooksConfig(
  environment: Readonly<Record<string, string | undefined>>,
): WebhooksConfig | undefined {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  if (given['WEBHOOK_ENCRYPTION_KEY'] === undefined) return undefined
  const result = v.safeParse(EnvironmentSchema, given)
  if (!result.success) {
    // The value stays out of the message: it may be the key.
    const issues = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'environment'} ${issue.message}`)
    const lines = issues.map((issue) => `  - ${issue}`).join('\n')
    throw new WebhooksError('INVALID_CONFIG', `The configuration is not valid:\n${lines}`, { issues })
  }
  const { output } = result
  return {
    encryptionKeys: output.WEBHOOK_ENCRYPTION_KEY,
    egress: {
      allowHttp: output.WEBHOOK_ALLOW_HTTP,
      allowedPorts: output.WEBHOOK_ALLOWED_PORTS,
      allowedSubnets: output.WEBHOOK_ALLOWED_SUBNETS,
    },
    retryDelaysMs: output.WEBHOOK_RETRY_DELAYS_MS,
    timeoutMs: output.WEBHOOK_TIMEOUT_MS,
    concurrency: output.WEBHOOK_CONCURRENCY,
    endpointConcurrency: output.WEBHOOK_ENDPOINT_CONCURRENCY,
    retentionMs: output.WEBHOOK_RETENTION_MS,
  }
}
