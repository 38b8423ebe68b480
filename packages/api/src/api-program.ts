import { acceptingSettings, gatewayWebhookSettings, knownGatewaySettings } from '@titan/payments'
import {
  createLog,
  defineProgram,
  EXIT,
  healthSettings,
  isLoopback,
  list,
  logSettings,
  milliseconds,
  named,
  readVersion,
  runUntilStopped,
  text,
  toggle,
  tracingVariables,
  wholeNumber,
  withTracing,
  type SettingsOf,
} from '@titan/service'
import { dashboardSettings } from '@titan/dashboard'
import { webhooksSettings } from '@titan/webhooks'
import { startApi } from './api.ts'
import { KEEP_ALIVE_MS, MAX_CONNECTIONS } from './server.ts'

const HOUR = 3_600_000

const VERSION = readVersion(new URL('../package.json', import.meta.url))

const HOST_NAME = /^(?:[a-z\d_-][\w.-]{0,252}|\[[\da-f:.]+\])$/i

const settings = {
  host: text(named('HOST', 'Bind address. 0.0.0.0 binds every interface.'), {
    fallback: '127.0.0.1',
    form: /^[\w.:-]{1,255}$/,
    rule: 'a host name or address',
  }),
  port: wholeNumber(named('PORT', 'Port. 0 picks a free one.'), { fallback: 3000, min: 0, max: 65_535 }),
  requireApiKey: toggle(named('REQUIRE_API_KEY', 'Require an API key.'), false),
  allowedHosts: list(
    {
      ...named(
        'ALLOWED_HOSTS',
        'Host names to serve without API keys, in addition to localhost and loopback addresses, separated by commas.',
      ),
      hint: 'name,…',
    },
    [],
    (name) => (HOST_NAME.test(name) ? name : undefined),
    'host names without ports, separated by commas',
  ),
  rateLimitPerMinute: wholeNumber(
    named(
      'RATE_LIMIT_PER_MINUTE',
      'Maximum requests per minute of each API key, or of each client address if no key is required. 0 is no limit.',
    ),
    { fallback: 0, min: 0, max: 10_000_000 },
  ),
  accountRateLimitPerMinute: wholeNumber(
    named(
      'ACCOUNT_RATE_LIMIT_PER_MINUTE',
      'Maximum requests per minute of all API keys of an account together. 0 is no limit.',
    ),
    { fallback: 0, min: 0, max: 10_000_000 },
  ),
  trustedProxies: wholeNumber(
    named('TRUSTED_PROXIES', 'Number of proxies in front that append to X-Forwarded-For.'),
    { fallback: 0, min: 0, max: 10 },
  ),
  migrate: toggle(named('MIGRATE', 'Apply missing migrations at startup.'), true),
  connectTimeoutMs: milliseconds(
    named('CONNECT_TIMEOUT_MS', 'Time to keep trying to reach PostgreSQL at startup.'),
    { fallback: 10_000, min: 0, max: HOUR },
  ),
  requestTimeoutMs: milliseconds(
    named('REQUEST_TIMEOUT_MS', 'Longest time of a request. After it, the response is 503.'),
    { fallback: 10_000, min: 1, max: HOUR },
  ),
  maxInFlight: wholeNumber(
    named('MAX_IN_FLIGHT', 'Maximum number of requests in flight. Further ones get 503.'),
    { fallback: 1_000, min: 1, max: 1_000_000 },
  ),
  maxConnections: wholeNumber(
    named('MAX_CONNECTIONS', 'Maximum number of connections. Further ones are closed.'),
    { fallback: MAX_CONNECTIONS, min: 1, max: 1_000_000 },
  ),
  keepAliveMs: milliseconds(
    named('KEEP_ALIVE_MS', 'Keep-alive time of idle connections. Set it longer than the load balancer’s.'),
    { fallback: KEEP_ALIVE_MS, min: 1_000, max: HOUR },
  ),
  drainMs: milliseconds(
    named(
      'DRAIN_MS',
      'Time to serve on after a stop signal while /readyz is 503, so that load balancers notice; skipped when none has asked for a minute.',
    ),
    { fallback: 5_000, min: 0, max: HOUR },
  ),
  graceMs: milliseconds(
    {
      flag: 'grace-ms',
      env: 'SHUTDOWN_GRACE_MS',
      about: 'Time for requests in flight to finish after that.',
    },
    { fallback: 10_000, min: 0, max: HOUR },
  ),
  ...healthSettings,
  ...logSettings,
}

/** What the packages below read from the environment. */
const groups = {
  config: acceptingSettings,
  // For the help: the settings of the gateways read them.
  gatewayWebhooks: gatewayWebhookSettings,
  webhooks: webhooksSettings,
  gateways: knownGatewaySettings,
  dashboard: dashboardSettings,
}

/** The settings that the program itself reads: when it stops, and what it logs. */
type ProgramSetting = 'graceMs' | keyof typeof logSettings

/** Everything that an API can be set by. */
export type ApiSettings = Omit<SettingsOf<typeof settings>, ProgramSetting> & SettingsOf<typeof groups>

/** The program titan-api. */
export const apiProgram = defineProgram({
  name: 'titan-api',
  version: VERSION,
  description: 'Accept payments over HTTP: POST /pay, GET /payments/{payment_id}.',
  settings,
  groups,
  variables: [tracingVariables],
  async run({ graceMs, logLevel, logFormat, ...own }, shared) {
    const isLocal = isLoopback(own.host)
    if (!own.requireApiKey && !isLocal && own.allowedHosts.length === 0) {
      process.stderr.write(
        `titan-api: HOST is ${own.host}, which others can reach, and no API key is required: set REQUIRE_API_KEY=true, ` +
          'or name in ALLOWED_HOSTS the hosts that are served without a key\n',
      )
      return EXIT.usage
    }
    const log = createLog('titan-api', { logLevel, logFormat })
    const service = {
      log,
      start: () => startApi({ ...own, ...shared, version: VERSION, log }),
      announce({ url }: { readonly url: string }) {
        process.stdout.write(`titan-api listens on ${url}\n`)
        if (own.requireApiKey) return
        // So that it comes as no surprise.
        if (isLocal) log.info('api.opened_locally', 'API keys not required on loopback address')
        else log.warn('api.opened', 'API keys not required, set REQUIRE_API_KEY')
      },
      stop: (api: Awaited<ReturnType<typeof startApi>>) => api.stop(graceMs),
    }
    return withTracing({ service: 'titan-api', version: VERSION, log }, () => runUntilStopped(service))
  },
})
