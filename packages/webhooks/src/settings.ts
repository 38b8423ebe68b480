import {
  list,
  milliseconds,
  settingsGroup,
  toggle,
  wholeNumber,
  type Environment,
  type SettingsGroup,
} from '@titan/service'
import ipaddr from 'ipaddr.js'
import { PUBLIC_EGRESS } from './model/egress-policy.ts'
import { DEFAULT_RETRY_SCHEDULE } from './model/decision.ts'

const KEY_BYTES = 32
const HOUR = 3_600_000
const DAY = 24 * HOUR

function named(env: string, about: string) {
  return { env, about }
}

const table = {
  encryptionKeys: list(
    named(
      'WEBHOOK_ENCRYPTION_KEY',
      '32 random bytes as base64 or hexadecimal. To rotate, list several, the newest first. Without it no webhooks are sent.',
    ),
    [],
    readKey,
    `${KEY_BYTES} random bytes as base64 or hexadecimal; several, the newest first, are separated by commas`,
  ),
  allowHttp: toggle(named('WEBHOOK_ALLOW_HTTP', 'Allow http:// endpoints as well as https://.'), false),
  allowedPorts: list(
    named('WEBHOOK_ALLOWED_PORTS', 'Allowed ports of endpoints, separated by commas.'),
    PUBLIC_EGRESS.allowedPorts,
    wholeFrom(1, 65_535),
    'whole numbers from 1 to 65535, separated by commas',
  ),
  allowedSubnets: list(
    named('WEBHOOK_ALLOWED_SUBNETS', 'Private subnets to allow, separated by commas.'),
    [],
    (text) => (ipaddr.isValidCIDR(text) ? text : undefined),
    'subnets such as 127.0.0.0/8, separated by commas',
  ),
  retryDelaysMs: list(
    {
      ...named('WEBHOOK_RETRY_DELAYS_MS', 'Delay before each attempt, separated by commas.'),
      shown: 'ten, over three days',
    },
    DEFAULT_RETRY_SCHEDULE.delaysMs,
    wholeFrom(0, 30 * DAY),
    `whole numbers from 0 to ${30 * DAY}, separated by commas`,
  ),
  timeoutMs: milliseconds(named('WEBHOOK_TIMEOUT_MS', 'Timeout of a request.'), {
    fallback: 15_000,
    min: 1,
    max: 60_000,
  }),
  concurrency: wholeNumber(
    named('WEBHOOK_CONCURRENCY', 'Maximum number of concurrent requests in each process.'),
    { fallback: 64, min: 1, max: 10_000 },
  ),
  endpointConcurrency: wholeNumber(
    named(
      'WEBHOOK_ENDPOINT_CONCURRENCY',
      'Maximum number of concurrent requests to one endpoint across all processes.',
    ),
    { fallback: 8, min: 1, max: 1_000 },
  ),
  retentionMs: milliseconds(named('WEBHOOK_RETENTION_MS', 'Age at which finished events are deleted.'), {
    fallback: 30 * DAY,
    min: HOUR,
    max: 3_650 * DAY,
  }),
}

const allSettings = settingsGroup(
  table,
  ({ allowHttp, allowedPorts, allowedSubnets, ...rest }) => ({
    ...rest,
    egress: { allowHttp, allowedPorts, allowedSubnets },
  }),
  'Outgoing webhooks; use the same values for titan-api and titan-worker',
)

/** The settings that the API and the sender share. */
export type WebhooksConfig = ReturnType<typeof allSettings.read>

/** The settings of outgoing webhooks. Undefined without `WEBHOOK_ENCRYPTION_KEY`: then there are none. */
export const webhooksSettings: SettingsGroup<WebhooksConfig | undefined> = {
  sections: allSettings.sections,
  read: (source) =>
    (source.environment['WEBHOOK_ENCRYPTION_KEY']?.trim() ?? '') === ''
      ? undefined
      : allSettings.read(source),
}

/** Reads the settings of outgoing webhooks from the environment. @throws InvalidSettings with everything that is wrong */
export function loadWebhooksConfig(environment: Environment): WebhooksConfig | undefined {
  return webhooksSettings.read({ environment })
}

function wholeFrom(min: number, max: number) {
  return (text: string) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    return number >= min && number <= max ? number : undefined
  }
}

/** Reads base64, also in its URL form, or hexadecimal. */
function readKey(text: string): Uint8Array | undefined {
  const key = Buffer.from(text, /^[\da-f]{64}$/i.test(text) ? 'hex' : 'base64')
  return key.length === KEY_BYTES ? key : undefined
}
