import { createApiMetrics, logPaymentsEvents } from '@titan/telemetry'
import {
  AcceptanceRules,
  accountGatewaysOf,
  accountReadersOf,
  connectDatabase,
  connectionName,
  createPaymentStore,
  createRelay,
  createWriteProbe,
  PAYMENTS_QUEUE,
  prepareTables,
  recordPartitions,
  type AccountGateways,
  type Database,
  type KnownGateways,
  type PaymentJobs,
  type PaymentStore,
} from '@titan/payments'
import { createQueue } from '@titan/queue-core'
import { createRedis, Failure, type Log, type Redis } from '@titan/service'
import { createAudited } from '@titan/dashboard'
import { SecretBox, WebhookStore, WEBHOOKS_QUEUE } from '@titan/webhooks'
import type { ApiSettings } from './api-program.ts'
import { createApp } from './app.ts'
import { openDashboard } from './dashboard.ts'
import { createAuthenticator, type Authenticator } from './keys/authenticator.ts'
import { createApiKeyStore } from './keys/api-key.ts'
import { Drain } from './drain.ts'
import { openLists } from './lists.ts'
import { serveOperations } from './operations.ts'
import type { AccessOptions } from './middleware/access.ts'
import { createRateLimiter, type RateLimiter } from './middleware/rate-limit.ts'
import { RequestSlots } from './middleware/request-slots.ts'
import { startServer, type HttpServer } from './server.ts'

/** How to run the API. */
export type ApiOptions = ApiSettings & { readonly version: string; readonly log: Log }

/** A running API. */
export type Api = Awaited<ReturnType<typeof startApi>>

/** Beyond the time of a request, a connection without a byte in either direction is closed after this long, in milliseconds. */
const STALLED_MS = 60_000

/** How long statements under way may take when the database is closed, in seconds: their requests have ended, or were cut. */
const DATABASE_GRACE_S = 1

/**
 * Starts the API: the database first, then the socket. Redis is connected in the background, because
 * payments are accepted without it.
 *
 * @throws Failure when PostgreSQL cannot be used, or when it cannot listen
 */
export async function startApi(options: ApiOptions) {
  const { log, healthHost, healthPort } = options
  const gateways = await options.gateways.open()
  const { sql, redis, metrics, slots, probes, drain, ...parts } = await openParts(options, gateways)
  let operations: HttpServer | undefined

  async function close(): Promise<void> {
    await parts.relay.stop()
    await parts.acceptance?.stop()
    await operations?.drain(0)
    await parts.stopReading?.()
    await parts.dashboard.stop()
    await parts.accounts.close()
    redis.close()
    await parts.lists.close()
    await sql.end({ timeout: DATABASE_GRACE_S })
  }

  try {
    await prepareTables(sql, options)
    await recordPartitions(sql, PAYMENTS_QUEUE, options.config.partitions)
    await parts.acceptance?.start((error) => log.warn('routes.unread', 'routing rules not read', { error }))
    await parts.accounts.start()
    if (metrics !== undefined) {
      const where = { host: healthHost, port: healthPort }
      operations = await serveOperations({ ...where, probes, slots, metrics: metrics.registry, log })
    }
    const server = await startServer({
      fetch: parts.app.fetch,
      host: options.host,
      port: options.port,
      stalledMs: options.requestTimeoutMs + STALLED_MS,
      keepAliveMs: options.keepAliveMs,
      maxConnections: options.maxConnections,
      onConnectionRefused() {
        metrics?.http.refused('connections')
        log.warn('connection.refused', 'connection refused, limit reached', { reason: 'MAX_CONNECTIONS' })
      },
    })
    void connectInBackground(redis, log)
    parts.dashboard.start()
    let stopped: Promise<void> | undefined
    return {
      /** Where it listens. */
      url: server.url,
      /**
       * Serves on until load balancers have noticed, lets requests in flight finish for `graceMs`, cuts the remaining
       * connections, closes everything. Idempotent.
       */
      stop: (graceMs: number): Promise<void> =>
        (stopped ??= drain
          .begin(options.drainMs)
          .then(() => server.drain(graceMs))
          .then(close)),
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Opens the database, the client of Redis, and what works with them. */
async function openParts(options: ApiOptions, gateways: KnownGateways) {
  const { config, log } = options
  const { databaseUrl, prefix, partitions } = config
  const pool = {
    poolSize: config.databasePoolSize,
    applicationName: connectionName(
      'titan-api',
      gateways.accepting?.map(({ name }) => name),
    ),
  }
  const sql = await connectDatabase(databaseUrl, options.connectTimeoutMs, pool, log)
  const redis = createRedis(config.redisUrl, log)
  const queue = createQueue<PaymentJobs>(redis.client, PAYMENTS_QUEUE, { prefix, partitions })
  const slots = new RequestSlots(options.maxInFlight)
  const metrics =
    options.healthPort > 0 ? createApiMetrics(options.version, () => slots.inFlight()) : undefined
  const queues = [queue, createQueue(redis.client, WEBHOOKS_QUEUE, { prefix })]
  const stopReading = metrics?.stores.observe({ databaseUrl, queues })
  const store = createPaymentStore(sql)
  const logEvent = logPaymentsEvents(log)
  const relay = createRelay({
    store,
    queue,
    actor: 'api',
    onEvent(event) {
      logEvent(event)
      metrics?.onPaymentsEvent(event)
    },
  })
  const acceptance = gateways.accepting && new AcceptanceRules(gateways.accepting, store.routes)
  const authenticator = options.requireApiKey ? createAuthenticator(createApiKeyStore(sql), log) : undefined
  const dashboard = openDashboard({ ...options, gateways }, redis.client, authenticator)
  const drain = new Drain()
  const probes = probesOf(sql, redis, drain)
  const lists = openLists(databaseUrl)
  const accounts = accountsOf(options, gateways, sql)
  const app = createApp({
    payments: withCounts(store, metrics),
    relay,
    acceptance,
    unmovable: gateways.unmovable,
    actions: { gateways: accounts, policy: config.policy },
    gatewayWebhooks: { gateways: gateways.webhooks, readersOf: readersOf(accounts), policy: config.policy },
    access: accessOf(options, authenticator),
    dashboard: dashboard.app,
    webhooks: options.webhooks && new WebhookStore(sql, options.webhooks),
    audited: createAudited(sql),
    lists,
    probes,
    log,
    http: metrics?.http,
    requestTimeoutMs: options.requestTimeoutMs,
    slots,
  })
  return {
    app,
    sql,
    redis,
    slots,
    metrics,
    stopReading,
    relay,
    acceptance,
    accounts,
    dashboard,
    probes,
    drain,
    lists,
  }
}

function probesOf(sql: Database, redis: Redis, drain: Drain) {
  return {
    postgres: createWriteProbe(sql),
    redis: () => redis.isWritable(),
    isDraining: () => drain.hasBegun,
    onAsked: () => drain.noteWatcher(),
  }
}

const NO_GATEWAYS = { names: [], get: () => undefined, close: async () => {} }

/** The gateways that can be called from here, and those of accounts, whose credentials need the encryption keys. */
function accountsOf(
  { webhooks, log }: ApiOptions,
  { lookUp = NO_GATEWAYS, create }: KnownGateways,
  sql: Database,
): AccountGateways {
  const seal = new SecretBox(webhooks?.encryptionKeys ?? [])
  return accountGatewaysOf({ gateways: lookUp, create, sql, seal, log })
}

function readersOf(accounts: AccountGateways) {
  return (gateway: string, account: string) => accountReadersOf(accounts, gateway, account)
}

/** Counts what a store accepts. */
function withCounts(
  store: PaymentStore,
  metrics: ReturnType<typeof createApiMetrics> | undefined,
): PaymentStore {
  if (metrics === undefined) return store
  return {
    ...store,
    create: metrics.countAcceptance(store.create),
    createBatch: metrics.countBatches(store.createBatch),
    createMovement: metrics.countMovements(store.createMovement),
  }
}

function accessOf(options: ApiOptions, authenticator: Authenticator | undefined): AccessOptions {
  const { rateLimitPerMinute, accountRateLimitPerMinute, allowedHosts, trustedProxies, log } = options
  const limiter = limiterOf(rateLimitPerMinute)
  const accountLimiter = limiterOf(accountRateLimitPerMinute, 'account')
  return { authenticator, limiter, accountLimiter, allowedHosts, trustedProxies, log }
}

function limiterOf(perMinute: number, name?: string): RateLimiter | undefined {
  return perMinute === 0 ? undefined : createRateLimiter(perMinute, name)
}

/** Connects to Redis while requests are accepted without it. Never rejects. */
async function connectInBackground(redis: Redis, log: Log): Promise<void> {
  try {
    await redis.connect()
  } catch (error) {
    // The client reports any other error, or the API has stopped.
    if (error instanceof Failure)
      log.error('redis.rejected', 'Redis unsuitable, payments stay PENDING', { error })
  }
}
