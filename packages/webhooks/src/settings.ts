import {
  list,
  milliseconds,
  settingsGroup,
  toggle,
  wholeNumber,
  type Environment,
  type SettingsGroup,
  type SettingsTable,
} from '@titan/service'
import ipaddr from 'ipaddr.js'
import { PUBLIC_EGRESS, type EgressPolicy } from './model/egress-policy.ts'
import { DEFAULT_RETRY_SCHEDULE } from './model/decision.ts'

/** The settings that the API and the sender share. */
export interface WebhooksConfig {
  /** 32 bytes each; the first one encrypts. */
  readonly encryptionKeys: readonly Uint8Array[]
  readonly egress: EgressPolicy
  /** Delay before each attempt, in milliseconds. */
  readonly retryDelaysMs: readonly number[]
  /** Longest request, in milliseconds. */
  readonly timeoutMs: number
  /** Concurrent requests of one process. */
  readonly concurrency: number
  /** Concurrent requests to one endpoint, over all processes. */
  readonly endpointConcurrency: number
  /** Events whose deliveries have all ended are deleted after this long, in milliseconds. */
  readonly retentionMs: number
}

const KEY_BYTES = 32
const HOUR = 3_600_000
const DAY = 24 * HOUR

const table: SettingsTable<Omit<WebhooksConfig, 'egress'> & EgressPolicy> = {
  encryptionKeys: list(
    {
      env: 'WEBHOOK_ENCRYPTION_KEY',
      about:
        '32 random bytes as base64 or hexadecimal. To rotate, list several, the newest first. Without it no webhooks are sent.',
    },
    [],
    readKey,
    `${KEY_BYTES} random bytes as base64 or hexadecimal; several, the newest first, are separated by commas`,
  ),
  allowHttp: toggle(
    { env: 'WEBHOOK_ALLOW_HTTP', about: 'Allow http:// endpoints as well as https://.' },
    false,
  ),
  allowedPorts: list(
    { env: 'WEBHOOK_ALLOWED_PORTS', about: 'Allowed ports of endpoints, separated by commas.' },
    PUBLIC_EGRESS.allowedPorts,
    wholeFrom(1, 65_535),
    'whole numbers from 1 to 65535, separated by commas',
  ),
  allowedSubnets: list(
    { env: 'WEBHOOK_ALLOWED_SUBNETS', about: 'Private subnets to allow, separated by commas.' },
    [],
    (text) => (ipaddr.isValidCIDR(text) ? text : undefined),
    'subnets such as 127.0.0.0/8, separated by commas',
  ),
  retryDelaysMs: list(
    {
      env: 'WEBHOOK_RETRY_DELAYS_MS',
      shown: 'ten, over three days',
      about: 'Delay before each attempt, separated by commas.',
    },
    DEFAULT_RETRY_SCHEDULE.delaysMs,
    wholeFrom(0, 30 * DAY),
    `whole numbers from 0 to ${30 * DAY}, separated by commas`,
  ),
  timeoutMs: milliseconds(
    { env: 'WEBHOOK_TIMEOUT_MS', about: 'Timeout of a request.' },
    { fallback: 15_000, min: 1, max: 60_000 },
  ),
  concurrency: wholeNumber(
    { env: 'WEBHOOK_CONCURRENCY', about: 'Maximum number of concurrent requests in each process.' },
    { fallback: 64, min: 1, max: 10_000 },
  ),
  endpointConcurrency: wholeNumber(
    {
      env: 'WEBHOOK_ENDPOINT_CONCURRENCY',
      about: 'Maximum number of concurrent requests to one endpoint across all processes.',
    },
    { fallback: 8, min: 1, max: 1_000 },
  ),
  retentionMs: milliseconds(
    { env: 'WEBHOOK_RETENTION_MS', about: 'Age at which finished events are deleted.' },
    { fallback: 30 * DAY, min: HOUR, max: 3_650 * DAY },
  ),
}

const allSettings: SettingsGroup<WebhooksConfig> = settingsGroup(
  table,
  ({ allowHttp, allowedPorts, allowedSubnets, ...rest }) => ({
    ...rest,
    egress: { allowHttp, allowedPorts, allowedSubnets },
  }),
  'Outgoing webhooks; use the same values for titan-api and titan-worker',
)

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

function wholeFrom(min: number, max: number): (text: string) => number | undefined {
  return (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    return number >= min && number <= max ? number : undefined
  }
}

/** Reads base64, also in its URL form, or hexadecimal. */
function readKey(text: string): Uint8Array | undefined {
  const key = Buffer.from(text, /^[\da-f]{64}$/i.test(text) ? 'hex' : 'base64')
  return key.length === KEY_BYTES ? key : undefined
}
