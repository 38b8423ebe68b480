import { loadPaymentsConfig, type PaymentsConfig } from '@titan/payments'
import type { SettingNames } from './settings.ts'

/**
 * The flags for variables that the payment domain reads and checks itself (`loadPaymentsConfig`, `gatewayFromEnv`).
 * Its own defaults are shown, so that help and truth cannot differ.
 */
export function storeSettings(): readonly SettingNames[] {
  const defaults = defaultConfig()
  return [
    names('database-url', 'DATABASE_URL', 'url', 'PostgreSQL, which holds the truth; required'),
    {
      ...names('redis-url', 'REDIS_URL', 'url', 'Redis, which holds the queue; required'),
      alsoRead: ['REDIS_ADDR'],
    },
    names('queue-prefix', 'QUEUE_PREFIX', 'text', 'first part of every Redis key', defaults.prefix),
    names(
      'database-pool-size',
      'DATABASE_POOL_SIZE',
      'n',
      'most connections to PostgreSQL',
      defaults.databasePoolSize,
    ),
    {
      ...names(
        'database-prepare',
        'DATABASE_PREPARE',
        '',
        'name statements, so that PostgreSQL plans them once; not behind a pooler that cannot pass names on',
        true,
      ),
      isSwitch: true,
    },
  ]
}

/** What becomes of payments that fail: workers decide by it, and the API when a gateway tells of a charge. */
export function retrySettings(): readonly SettingNames[] {
  const { policy } = defaultConfig()
  return [
    names(
      'max-retries',
      'MAX_RETRIES',
      'n',
      'retries of a payment after failures that moved no money',
      policy.maxRetries,
    ),
    names(
      'retry-base-ms',
      'RETRY_BASE_MS',
      'ms',
      'delay before the first retry; doubles each time',
      policy.retryBaseMs,
    ),
    names('retry-max-ms', 'RETRY_MAX_MS', 'ms', 'upper bound of that delay', policy.retryMaxMs),
    {
      ...names(
        'retry-soft-declines',
        'RETRY_SOFT_DECLINES',
        '',
        'try again after a soft decline',
        policy.retrySoftDeclines,
      ),
      isSwitch: true,
    },
    names(
      'soft-decline-delay-ms',
      'SOFT_DECLINE_DELAY_MS',
      'ms',
      'delay before that',
      policy.softDeclineDelayMs,
    ),
  ]
}

/** The settings of those who take payments through a gateway. */
export function processingSettings(): readonly SettingNames[] {
  const defaults = defaultConfig()
  return [
    ...retrySettings(),
    names(
      'lease-ms',
      'LEASE_MS',
      'ms',
      'how long a worker owns a payment before it must renew',
      defaults.leaseMs,
    ),
    names(
      'gateway-timeout-ms',
      'GATEWAY_TIMEOUT_MS',
      'ms',
      'longest call to the gateway',
      defaults.gatewayTimeoutMs,
    ),
    names(
      'relay-interval-ms',
      'RELAY_INTERVAL_MS',
      'ms',
      'pause between two looks for PENDING payments',
      defaults.relayIntervalMs,
    ),
    names(
      'reconcile-interval-ms',
      'RECONCILE_INTERVAL_MS',
      'ms',
      'pause between two looks for payments whose job is lost',
      defaults.reconcileIntervalMs,
    ),
  ]
}

/** The choice of a gateway, and the dials of the simulated one. */
export function gatewaySettings(): readonly SettingNames[] {
  return [
    names('gateway', 'GATEWAY', 'name', 'where payments are charged', 'simulated'),
    simulated('delay-ms', 'DELAY_MS', 'ms', 'time until the simulated gateway answers', 100),
    simulated(
      'success-rate',
      'SUCCESS_RATE',
      '0..1',
      'share of its charges that succeed',
      'what the other rates leave',
    ),
    simulated('transient-rate', 'TRANSIENT_RATE', '0..1', 'share of requests that do not reach it', 0),
    simulated(
      'decline-rate',
      'DECLINE_RATE',
      '0..1',
      'share of charges it declines',
      'what --gateway-success-rate leaves',
    ),
    simulated('unknown-rate', 'UNKNOWN_RATE', '0..1', 'share of requests whose answer is lost', 0),
    simulated('seed', 'SEED', 'n', 'the same seed gives the same behaviour', 1),
  ]
}

function simulated(
  flag: string,
  env: string,
  hint: string,
  about: string,
  shown: string | number,
): SettingNames {
  return { ...names(`gateway-${flag}`, `GATEWAY_${env}`, hint, about, shown), alsoEnv: [`SIM_${env}`] }
}

function names(
  flag: string,
  env: string,
  hint: string,
  about: string,
  shown: string | number | boolean = '',
): SettingNames {
  return { flag, env, hint, about, shown: String(shown) }
}

function defaultConfig(): PaymentsConfig {
  return loadPaymentsConfig({ DATABASE_URL: 'postgres://localhost', REDIS_URL: 'redis://localhost' })
}
