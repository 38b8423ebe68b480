import {
  InvalidSettings,
  milliseconds,
  named,
  optionalText,
  redisUrl as redisUrlOf,
  serverUrl,
  settingsGroup,
  text,
  toggle,
  wholeNumber,
  withSentinelLogin,
  type Environment,
} from '@titan/service'
import { readDatabaseUrl } from './connection/url.ts'
import { DEFAULT_RETRY_POLICY as DEFAULT, type RetryPolicy } from './domain/retry-policy.ts'

const DAY = 86_400_000
/** A lease must outlive the gateway call that it covers by this much, in milliseconds. */
const LEASE_MARGIN_MS = 2_000

const anyDatabaseUrl = serverUrl(named('DATABASE_URL', 'URL of PostgreSQL; required.'), {
  schemes: ['postgres', 'postgresql'],
  isList: true,
})
const databaseUrl = {
  ...anyDatabaseUrl,
  parse(given: string) {
    const url = anyDatabaseUrl.parse(given)
    readDatabaseUrl(url)
    return url
  },
}
const databasePrepare = toggle(
  named(
    'DATABASE_PREPARE',
    'Use named prepared statements. Turn off behind a pooler that does not support them.',
  ),
  true,
)

const redisUrl = redisUrlOf({
  ...named('REDIS_URL', 'URL of Redis, its Sentinels or its cluster; required.'),
  alsoEnv: ['REDIS_ADDR'],
})
const LOGIN = { form: /^[^\p{Cc}]{1,500}$/u, rule: '1 to 500 characters' }
const redis = {
  redisUrl: {
    ...redisUrl,
    parseAlso: (given: string) => redisUrl.parse(given.includes('://') ? given : `redis://${given}`),
  },
  prefix: text(
    { ...named('QUEUE_PREFIX', 'First part of every Redis key.'), hint: 'text' },
    { fallback: 'titan', form: /^[\w.:-]{1,100}$/, rule: '1 to 100 letters, digits or . : - _' },
  ),
  partitions: wholeNumber(
    named(
      'QUEUE_PARTITIONS',
      'Partitions of the queue payments. To change it later, stop every program and run titan repartition.',
    ),
    { fallback: 1, min: 1, max: 64 },
  ),
  sentinelUsername: optionalText(
    { env: 'SENTINEL_USERNAME', about: 'User of the Sentinels themselves, with SENTINEL_PASSWORD.' },
    LOGIN,
  ),
  sentinelPassword: optionalText(
    { env: 'SENTINEL_PASSWORD', about: 'Password of the Sentinels themselves, if they have one.' },
    LOGIN,
  ),
}

const stores = {
  databaseUrl,
  ...redis,
  databasePoolSize: wholeNumber(named('DATABASE_POOL_SIZE', 'Maximum number of connections to PostgreSQL.'), {
    fallback: 10,
    min: 1,
    max: 1_000,
  }),
  databasePrepare,
}

const retries = {
  maxRetries: wholeNumber(named('MAX_RETRIES', 'Retries of a payment after failures that moved no money.'), {
    fallback: DEFAULT.maxRetries,
    min: 0,
    max: 1_000,
  }),
  retryBaseMs: milliseconds(
    named('RETRY_BASE_MS', 'Delay before the first retry; doubles with each retry.'),
    { fallback: DEFAULT.retryBaseMs, min: 0, max: DAY },
  ),
  retryMaxMs: milliseconds(named('RETRY_MAX_MS', 'Longest delay between retries.'), {
    fallback: DEFAULT.retryMaxMs,
    min: 0,
    max: DAY,
  }),
  retrySoftDeclines: toggle(
    named('RETRY_SOFT_DECLINES', 'Retry after a soft decline.'),
    DEFAULT.retrySoftDeclines,
  ),
  softDeclineDelayMs: milliseconds(
    named('SOFT_DECLINE_DELAY_MS', 'Delay before the retry of a soft decline.'),
    { fallback: DEFAULT.softDeclineDelayMs, min: 0, max: 30 * DAY },
  ),
  customerActionTimeoutMs: milliseconds(
    named(
      'CUSTOMER_ACTION_TIMEOUT_MS',
      'Time that a customer has to answer the bank, where the gateway sets none.',
    ),
    { fallback: DEFAULT.customerActionTimeoutMs, min: 1, max: 30 * DAY },
  ),
}

/** `--gateway-timeout-ms`, which also bounds the requests of a gateway's client. */
export const gatewayTimeout = milliseconds(named('GATEWAY_TIMEOUT_MS', 'Timeout of a call to the gateway.'), {
  fallback: 10_000,
  min: 1,
  max: 600_000,
})

const processing = {
  leaseMs: milliseconds(named('LEASE_MS', 'Time for which a worker owns a payment before it must renew.'), {
    fallback: 15_000,
    min: 1,
    max: DAY,
  }),
  gatewayTimeoutMs: gatewayTimeout,
  relayIntervalMs: milliseconds(
    named('RELAY_INTERVAL_MS', 'Pause between two searches for PENDING payments.'),
    { fallback: 500, min: 1, max: DAY },
  ),
  reconcileIntervalMs: milliseconds(
    named('RECONCILE_INTERVAL_MS', 'Pause between two searches for payments whose job is lost.'),
    { fallback: 2_000, min: 1, max: DAY },
  ),
}

/** The settings of what needs PostgreSQL alone. */
export const databaseSettings = settingsGroup({ databaseUrl, databasePrepare }, withPrepare)

/** The settings of what works on a queue and records it in PostgreSQL where it is given. */
export const queueSettings = settingsGroup(
  {
    databaseUrl: { ...databaseUrl, isRequired: false, about: 'URL of PostgreSQL; optional.' },
    ...redis,
    databasePrepare,
  },
  (values) => {
    const { databaseUrl: url, ...rest } = withUrls(values)
    return { ...rest, databaseUrl: url === '' ? undefined : url }
  },
)

/** The settings of what needs both stores. */
export const storeSettings = settingsGroup(stores, withUrls)

/** The settings of what accepts payments and applies webhooks of gateways. */
export const acceptingSettings = settingsGroup({ ...stores, ...retries }, withPolicy)

/** The settings of a worker. */
export const paymentsSettings = settingsGroup({ ...stores, ...retries, ...processing }, (values) => {
  if (values.leaseMs < values.gatewayTimeoutMs + LEASE_MARGIN_MS)
    throw new InvalidSettings([
      `LEASE_MS must be at least GATEWAY_TIMEOUT_MS + ${LEASE_MARGIN_MS}: a lease must outlive the gateway call it covers`,
    ])
  return withPolicy(values)
})

export type DatabaseConfig = ReturnType<typeof databaseSettings.read>
export type QueueConfig = ReturnType<typeof queueSettings.read>
export type StoreConfig = ReturnType<typeof storeSettings.read>
export type AcceptingConfig = ReturnType<typeof acceptingSettings.read>
export type PaymentsConfig = ReturnType<typeof paymentsSettings.read>

/** Reads the settings of a worker from the environment. @throws InvalidSettings with everything that is wrong */
export function loadPaymentsConfig(environment: Environment): PaymentsConfig {
  return paymentsSettings.read({ environment })
}

interface DatabaseSettings {
  readonly databaseUrl: string
  readonly databasePrepare: boolean
}

/** Puts the choice into the URL, which is all that every program passes on. */
function withPrepare<Values extends DatabaseSettings>({ databasePrepare: isNamed, ...rest }: Values) {
  if (isNamed || rest.databaseUrl === '') return rest
  // Of a parameter that is given twice, the last one holds.
  const separator = rest.databaseUrl.includes('?') ? '&' : '?'
  return { ...rest, databaseUrl: `${rest.databaseUrl}${separator}prepare=false` }
}

interface RedisSettings {
  readonly redisUrl: string
  readonly sentinelUsername: string | undefined
  readonly sentinelPassword: string | undefined
}

/** Puts into the URLs of both stores what else says how to connect. */
function withUrls<Values extends DatabaseSettings & RedisSettings>(values: Values) {
  const { sentinelUsername, sentinelPassword, ...rest } = values
  if (sentinelUsername !== undefined && sentinelPassword === undefined)
    throw new InvalidSettings(['SENTINEL_PASSWORD must be set where SENTINEL_USERNAME is'])
  const { redisUrl: url, ...others } = withPrepare(rest)
  return { ...others, redisUrl: withSentinelLogin(url, sentinelUsername, sentinelPassword) }
}

type RetrySettings = Pick<typeof DEFAULT, keyof typeof retries>

/** Collects the settings of the retry policy in one member. */
function withPolicy<Values extends DatabaseSettings & RedisSettings & RetrySettings>(values: Values) {
  const { maxRetries, retryBaseMs, retryMaxMs, retrySoftDeclines, softDeclineDelayMs, ...others } = values
  const { customerActionTimeoutMs, ...rest } = others
  const retried = { maxRetries, retryBaseMs, retryMaxMs, retrySoftDeclines, softDeclineDelayMs }
  const given = { ...retried, customerActionTimeoutMs }
  const policy: RetryPolicy = { ...DEFAULT, ...given }
  return { ...withUrls(rest), policy }
}
