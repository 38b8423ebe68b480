import {
  InvalidSettings,
  milliseconds,
  serverUrl,
  settingsGroup,
  text,
  toggle,
  wholeNumber,
  type Environment,
  type Setting,
  type SettingsGroup,
  type SettingsTable,
} from '@titan/service'
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from './domain/retry-policy.ts'

/** Where PostgreSQL is, with `prepare=false` in the URL where statements must have no names. */
export interface DatabaseConfig {
  readonly databaseUrl: string
}

/** Where Redis is. */
export interface RedisConfig {
  readonly redisUrl: string
  /** First part of every Redis key. */
  readonly prefix: string
}

/** Where a queue is, and PostgreSQL where it is given. */
export interface QueueConfig extends RedisConfig {
  readonly databaseUrl: string | undefined
}

/** Where both stores are. */
export interface StoreConfig extends DatabaseConfig, RedisConfig {
  readonly databasePoolSize: number
}

/** What a program needs that accepts payments and applies webhooks of gateways. */
export interface AcceptingConfig extends StoreConfig {
  readonly policy: RetryPolicy
}

/** What a worker needs. */
export interface PaymentsConfig extends AcceptingConfig {
  readonly gatewayTimeoutMs: number
  readonly leaseMs: number
  readonly relayIntervalMs: number
  readonly reconcileIntervalMs: number
}

const DAY = 86_400_000
/** A lease must outlive the gateway call that it covers by this much, in milliseconds. */
const LEASE_MARGIN_MS = 2_000

interface DatabaseSettings extends DatabaseConfig {
  readonly databasePrepare: boolean
}

const database: SettingsTable<DatabaseSettings> = {
  databaseUrl: serverUrl(
    { flag: 'database-url', env: 'DATABASE_URL', about: 'URL of PostgreSQL; required.' },
    ['postgres:', 'postgresql:'],
  ),
  databasePrepare: toggle(
    {
      flag: 'database-prepare',
      env: 'DATABASE_PREPARE',
      about: 'Use named prepared statements. Turn off behind a pooler that does not support them.',
    },
    true,
  ),
}

const redisUrl = serverUrl(
  { flag: 'redis-url', env: 'REDIS_URL', alsoEnv: ['REDIS_ADDR'], about: 'URL of Redis; required.' },
  ['redis:', 'rediss:'],
)

const redis: SettingsTable<RedisConfig> = {
  redisUrl: {
    ...redisUrl,
    parseAlso: (given) => redisUrl.parse(given.includes('://') ? given : `redis://${given}`),
  },
  prefix: text(
    { flag: 'queue-prefix', env: 'QUEUE_PREFIX', hint: 'text', about: 'First part of every Redis key.' },
    { fallback: 'titan', form: /^[\w.:-]{1,100}$/, rule: '1 to 100 letters, digits or . : - _' },
  ),
}

const stores: SettingsTable<StoreConfig & DatabaseSettings> = {
  databaseUrl: database.databaseUrl,
  ...redis,
  databasePoolSize: wholeNumber(
    {
      flag: 'database-pool-size',
      env: 'DATABASE_POOL_SIZE',
      about: 'Maximum number of connections to PostgreSQL.',
    },
    { fallback: 10, min: 1, max: 1_000 },
  ),
  databasePrepare: database.databasePrepare,
}

type RetrySettings = Pick<
  RetryPolicy,
  'maxRetries' | 'retryBaseMs' | 'retryMaxMs' | 'retrySoftDeclines' | 'softDeclineDelayMs'
>

const retries: SettingsTable<RetrySettings> = {
  maxRetries: wholeNumber(
    {
      flag: 'max-retries',
      env: 'MAX_RETRIES',
      about: 'Retries of a payment after failures that moved no money.',
    },
    { fallback: DEFAULT_RETRY_POLICY.maxRetries, min: 0, max: 1_000 },
  ),
  retryBaseMs: milliseconds(
    {
      flag: 'retry-base-ms',
      env: 'RETRY_BASE_MS',
      about: 'Delay before the first retry; doubles with each retry.',
    },
    { fallback: DEFAULT_RETRY_POLICY.retryBaseMs, min: 0, max: DAY },
  ),
  retryMaxMs: milliseconds(
    { flag: 'retry-max-ms', env: 'RETRY_MAX_MS', about: 'Longest delay between retries.' },
    { fallback: DEFAULT_RETRY_POLICY.retryMaxMs, min: 0, max: DAY },
  ),
  retrySoftDeclines: toggle(
    { flag: 'retry-soft-declines', env: 'RETRY_SOFT_DECLINES', about: 'Retry after a soft decline.' },
    DEFAULT_RETRY_POLICY.retrySoftDeclines,
  ),
  softDeclineDelayMs: milliseconds(
    {
      flag: 'soft-decline-delay-ms',
      env: 'SOFT_DECLINE_DELAY_MS',
      about: 'Delay before the retry of a soft decline.',
    },
    { fallback: DEFAULT_RETRY_POLICY.softDeclineDelayMs, min: 0, max: 30 * DAY },
  ),
}

type ProcessingSettings = Omit<PaymentsConfig, keyof AcceptingConfig>

/** `--gateway-timeout-ms`, which also bounds the requests of a gateway's client. */
export const gatewayTimeout: Setting<number> = milliseconds(
  { flag: 'gateway-timeout-ms', env: 'GATEWAY_TIMEOUT_MS', about: 'Timeout of a call to the gateway.' },
  { fallback: 10_000, min: 1, max: 600_000 },
)

const processing: SettingsTable<ProcessingSettings> = {
  leaseMs: milliseconds(
    {
      flag: 'lease-ms',
      env: 'LEASE_MS',
      about: 'Time for which a worker owns a payment before it must renew.',
    },
    { fallback: 15_000, min: 1, max: DAY },
  ),
  gatewayTimeoutMs: gatewayTimeout,
  relayIntervalMs: milliseconds(
    {
      flag: 'relay-interval-ms',
      env: 'RELAY_INTERVAL_MS',
      about: 'Pause between two searches for PENDING payments.',
    },
    { fallback: 500, min: 1, max: DAY },
  ),
  reconcileIntervalMs: milliseconds(
    {
      flag: 'reconcile-interval-ms',
      env: 'RECONCILE_INTERVAL_MS',
      about: 'Pause between two searches for payments whose job is lost.',
    },
    { fallback: 2_000, min: 1, max: DAY },
  ),
}

/** The settings of what needs PostgreSQL alone. */
export const databaseSettings: SettingsGroup<DatabaseConfig> = settingsGroup(database, databaseOf)

/** The settings of what works on a queue and records it in PostgreSQL where it is given. */
export const queueSettings: SettingsGroup<QueueConfig> = settingsGroup(
  {
    databaseUrl: { ...database.databaseUrl, isRequired: false, about: 'URL of PostgreSQL; optional.' },
    ...redis,
    databasePrepare: database.databasePrepare,
  },
  ({ databaseUrl, databasePrepare, ...rest }) => ({
    ...rest,
    databaseUrl: databaseUrl === '' ? undefined : databaseOf({ databaseUrl, databasePrepare }).databaseUrl,
  }),
)

/** The settings of what needs both stores. */
export const storeSettings: SettingsGroup<StoreConfig> = settingsGroup(stores, storesOf)

/** The settings of what accepts payments. */
export const acceptingSettings: SettingsGroup<AcceptingConfig> = settingsGroup(
  { ...stores, ...retries },
  acceptingOf,
)

/** The settings of a worker. */
export const paymentsSettings: SettingsGroup<PaymentsConfig> = settingsGroup(
  { ...stores, ...retries, ...processing },
  ({ leaseMs, gatewayTimeoutMs, relayIntervalMs, reconcileIntervalMs, ...rest }) => {
    if (leaseMs < gatewayTimeoutMs + LEASE_MARGIN_MS)
      throw new InvalidSettings([
        `LEASE_MS must be at least GATEWAY_TIMEOUT_MS + ${LEASE_MARGIN_MS}: a lease must outlive the gateway call it covers`,
      ])
    return { ...acceptingOf(rest), leaseMs, gatewayTimeoutMs, relayIntervalMs, reconcileIntervalMs }
  },
)

/** Reads the settings of a worker from the environment. @throws InvalidSettings with everything that is wrong */
export function loadPaymentsConfig(environment: Environment): PaymentsConfig {
  return paymentsSettings.read({ environment })
}

function acceptingOf(values: StoreConfig & DatabaseSettings & RetrySettings): AcceptingConfig {
  const { databaseUrl, redisUrl: url, prefix, databasePoolSize, databasePrepare, ...policy } = values
  return {
    ...storesOf({ databaseUrl, redisUrl: url, prefix, databasePoolSize, databasePrepare }),
    policy: { ...DEFAULT_RETRY_POLICY, ...policy },
  }
}

function storesOf({ databaseUrl, databasePrepare, ...rest }: StoreConfig & DatabaseSettings): StoreConfig {
  return { ...rest, ...databaseOf({ databaseUrl, databasePrepare }) }
}

/** Puts the choice into the URL, which is all that every program passes on. */
function databaseOf({ databaseUrl, databasePrepare }: DatabaseSettings): DatabaseConfig {
  if (databasePrepare) return { databaseUrl }
  const url = new URL(databaseUrl)
  url.searchParams.set('prepare', 'false')
  return { databaseUrl: url.href }
}
