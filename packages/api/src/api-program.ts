import {
  acceptingSettings,
  gatewayWebhookSettings,
  lookUpGatewaySettings,
  type AcceptingConfig,
  type Gateway,
  type GatewayWebhookReader,
} from '@titan/payments'
import {
  createLog,
  EXIT,
  healthSettings,
  isLoopback,
  list,
  logSettings,
  milliseconds,
  readVersion,
  runUntilStopped,
  text,
  toggle,
  tracingVariables,
  wholeNumber,
  withTracing,
  type Log,
  type LogSettings,
  type Program,
  type Service,
  type SettingsTable,
} from '@titan/service'
import { dashboardSettings, type DashboardConfig } from '@titan/dashboard'
import { webhooksSettings, type WebhooksConfig } from '@titan/webhooks'
import { startApi, type Api, type ApiOptions } from './api.ts'
import { KEEP_ALIVE_MS, MAX_CONNECTIONS } from './server.ts'

/** The settings that only the API has. */
export interface ApiSettings
  extends Omit<ApiOptions, keyof ApiConfiguration | 'log' | 'version'>, LogSettings {
  readonly graceMs: number
}

/** What the packages below read from the environment. */
export interface ApiConfiguration {
  readonly config: AcceptingConfig
  readonly webhooks: WebhooksConfig | undefined
  readonly gateways: readonly GatewayWebhookReader[]
  readonly lookUpGateway: Gateway | undefined
  readonly dashboard: DashboardConfig
}

const HOUR = 3_600_000

const VERSION = readVersion(new URL('../package.json', import.meta.url))

const HOST_NAME = /^(?:[a-z\d_-][\w.-]{0,252}|\[[\da-f:.]+\])$/i

const settings: SettingsTable<ApiSettings> = {
  host: text(
    { flag: 'host', env: 'HOST', about: 'Bind address. 0.0.0.0 binds every interface.' },
    { fallback: '127.0.0.1', form: /^[\w.:-]{1,255}$/, rule: 'a host name or address' },
  ),
  port: wholeNumber(
    { flag: 'port', env: 'PORT', about: 'Port. 0 picks a free one.' },
    { fallback: 3000, min: 0, max: 65_535 },
  ),
  requireApiKey: toggle(
    { flag: 'require-api-key', env: 'REQUIRE_API_KEY', about: 'Require an API key.' },
    false,
  ),
  allowedHosts: list(
    {
      flag: 'allowed-hosts',
      env: 'ALLOWED_HOSTS',
      hint: 'name,…',
      about:
        'Host names to serve without API keys, in addition to localhost and loopback addresses, separated by commas.',
    },
    [],
    (name) => (HOST_NAME.test(name) ? name : undefined),
    'host names without ports, separated by commas',
  ),
  rateLimitPerMinute: wholeNumber(
    {
      flag: 'rate-limit-per-minute',
      env: 'RATE_LIMIT_PER_MINUTE',
      about:
        'Maximum requests per minute of each API key, or of each client address if no key is required. 0 is no limit.',
    },
    { fallback: 0, min: 0, max: 10_000_000 },
  ),
  trustedProxies: wholeNumber(
    {
      flag: 'trusted-proxies',
      env: 'TRUSTED_PROXIES',
      about: 'Number of proxies in front that append to X-Forwarded-For.',
    },
    { fallback: 0, min: 0, max: 10 },
  ),
  migrate: toggle({ flag: 'migrate', env: 'MIGRATE', about: 'Apply missing migrations at startup.' }, true),
  connectTimeoutMs: milliseconds(
    {
      flag: 'connect-timeout-ms',
      env: 'CONNECT_TIMEOUT_MS',
      about: 'Time to keep trying to reach PostgreSQL at startup.',
    },
    { fallback: 10_000, min: 0, max: HOUR },
  ),
  requestTimeoutMs: milliseconds(
    {
      flag: 'request-timeout-ms',
      env: 'REQUEST_TIMEOUT_MS',
      about: 'Longest time of a request. After it, the response is 503.',
    },
    { fallback: 10_000, min: 1, max: HOUR },
  ),
  maxInFlight: wholeNumber(
    {
      flag: 'max-in-flight',
      env: 'MAX_IN_FLIGHT',
      about: 'Maximum number of requests in flight. Further ones get 503.',
    },
    { fallback: 1_000, min: 1, max: 1_000_000 },
  ),
  maxConnections: wholeNumber(
    {
      flag: 'max-connections',
      env: 'MAX_CONNECTIONS',
      about: 'Maximum number of connections. Further ones are closed.',
    },
    { fallback: MAX_CONNECTIONS, min: 1, max: 1_000_000 },
  ),
  keepAliveMs: milliseconds(
    {
      flag: 'keep-alive-ms',
      env: 'KEEP_ALIVE_MS',
      about: 'Keep-alive time of idle connections. Set it longer than the load balancer’s.',
    },
    { fallback: KEEP_ALIVE_MS, min: 1_000, max: HOUR },
  ),
  graceMs: milliseconds(
    {
      flag: 'grace-ms',
      env: 'SHUTDOWN_GRACE_MS',
      about: 'Time for requests in flight to finish after a stop signal.',
    },
    { fallback: 10_000, min: 0, max: HOUR },
  ),
  ...healthSettings,
  ...logSettings,
}

/** The program titan-api. */
export const apiProgram: Program<ApiSettings, ApiConfiguration> = {
  name: 'titan-api',
  version: VERSION,
  description: 'Accept payments over HTTP: POST /pay, GET /payments/{payment_id}.',
  settings,
  groups: {
    config: acceptingSettings,
    gateways: gatewayWebhookSettings,
    webhooks: webhooksSettings,
    lookUpGateway: lookUpGatewaySettings,
    dashboard: dashboardSettings,
  },
  variables: [tracingVariables],
  run: async ({ graceMs, logLevel, logFormat, ...own }, configuration) => {
    if (!own.requireApiKey && !isLoopback(own.host) && own.allowedHosts.length === 0) {
      process.stderr.write(
        `titan-api: HOST is ${own.host}, which others can reach, and no API key is required: set REQUIRE_API_KEY=true, ` +
          'or name in ALLOWED_HOSTS the hosts that are served without a key\n',
      )
      return EXIT.usage
    }
    const log = createLog('titan-api', { logLevel, logFormat })
    const service: Service<Api> = {
      log,
      start: () => startApi({ ...own, ...configuration, version: VERSION, log }),
      announce: ({ url }) => {
        process.stdout.write(`titan-api listens on ${url}\n`)
        if (!own.requireApiKey) logOpenMode(own.host, log)
      },
      stop: (api) => api.stop(graceMs),
    }
    return withTracing({ service: 'titan-api', version: VERSION, log }, () => runUntilStopped(service))
  },
}

/** Logs that no key is required, so that it comes as no surprise. */
function logOpenMode(host: string, log: Log): void {
  if (isLoopback(host)) log.info('api.opened_locally', 'API keys not required on loopback address')
  else log.warn('api.opened', 'API keys not required, set REQUIRE_API_KEY')
}
