import { createApiMetrics, logPaymentsEvents } from '@titan/telemetry'
import {
  connectDatabase,
  createPaymentStore,
  createRelay,
  createWriteProbe,
  PAYMENTS_QUEUE,
  prepareTables,
  type AcceptingConfig,
  type Gateway,
  type GatewayWebhookReader,
  type PaymentJobs,
} from '@titan/payments'
import { createQueue } from '@titan/queue-core'
import {
  closeRedis,
  createRedis,
  isWritable,
  Failure,
  requireSingleServer,
  type Redis,
  type HealthSettings,
  type Log,
} from '@titan/service'
import { createAudited, type DashboardConfig } from '@titan/dashboard'
import { WebhookStore, WEBHOOKS_QUEUE, type WebhooksConfig } from '@titan/webhooks'
import { createApp } from './app.ts'
import { openDashboard } from './dashboard.ts'
import { createAuthenticator } from './keys/authenticator.ts'
import { createApiKeyStore } from './keys/key-store.ts'
import { openLists } from './lists.ts'
import { serveOperations } from './operations.ts'
import { createRateLimiter } from './middleware/rate-limit.ts'
import { RequestSlots } from './middleware/request-slots.ts'
import type { Probes } from './routes/health.ts'
import { startServer, type HttpServer } from './server.ts'

/** How to run the API. */
export interface ApiOptions extends HealthSettings {
  /** The version of the program. */
  readonly version: string
  readonly config: AcceptingConfig
  /** Undefined: outgoing webhooks are not set up. */
  readonly webhooks: WebhooksConfig | undefined
  /** The gateways whose webhooks are accepted. */
  readonly gateways: readonly GatewayWebhookReader[]
  /** Looks up open attempts for operators. @default they cannot be looked up */
  readonly lookUpGateway?: Gateway | undefined
  readonly dashboard: DashboardConfig
  readonly log: Log
  readonly host: string
  /** 0 is any free port. */
  readonly port: number
  /** Apply the missing migrations first. */
  readonly migrate: boolean
  /** How long to try to reach PostgreSQL at the start, in milliseconds. */
  readonly connectTimeoutMs: number
  /** Whether callers need an API key. */
  readonly requireApiKey: boolean
  /** Host names that are served without API keys, in addition to loopback names. */
  readonly allowedHosts: readonly string[]
  /** Requests a minute of each caller; 0 is no limit. */
  readonly rateLimitPerMinute: number
  /** Proxies in front that write X-Forwarded-For. */
  readonly trustedProxies: number
  readonly requestTimeoutMs: number
  readonly maxInFlight: number
  /** Connections at a time. @default 10000 */
  readonly maxConnections?: number | undefined
  /** How long an idle connection stays open, in milliseconds. @default 65000 */
  readonly keepAliveMs?: number | undefined
}

/** A running API. */
export interface Api {
  /** Where it listens. */
  readonly url: string
  /**
   * Lets the requests in progress finish, then closes everything. Idempotent.
   *
   * @param graceMs how long requests in flight may take; remaining connections are then cut
   */
  stop(graceMs: number): Promise<void>
}

/** Beyond the time of a request, a connection without a byte in either direction is closed after this long, in milliseconds. */
const STALLED_MS = 60_000

/** How long statements that are under way may take when the database is closed, in seconds. */
const DATABASE_GRACE_S = 5

/**
 * Starts the API: the database first, then the socket. Redis is connected in the background, because
 * payments are accepted without it.
 *
 * @throws Failure when PostgreSQL cannot be used; the error of the socket when it cannot listen
 */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { log } = options
  const parts = await openParts(options)
  const { sql, metrics, slots, probes, redis, dashboard } = parts
  let operations: HttpServer | undefined

  async function close(): Promise<void> {
    await parts.relay.stop()
    await operations?.drain(0)
    await parts.stopReading?.()
    await dashboard.stop()
    closeRedis(redis)
    await parts.lists.close()
    await sql.end({ timeout: DATABASE_GRACE_S })
  }

  try {
    await prepareTables(sql, options)
    if (metrics !== undefined) {
      const { healthHost: host, healthPort: port } = options
      operations = await serveOperations({ host, port, probes, slots, metrics: metrics.registry, log })
    }
    const server = await startServer({
      fetch: createApiApp(options, parts).fetch,
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
    void connectInBackground(redis, options.config.redisUrl, log)
    dashboard.start()
    let stopped: Promise<void> | undefined
    const stop = async (graceMs: number): Promise<void> => {
      parts.startDraining()
      await server.drain(graceMs)
      await close()
    }
    return { url: server.url, stop: (graceMs) => (stopped ??= stop(graceMs)) }
  } catch (error) {
    await close()
    throw error
  }
}

/** Everything that the API opens before it listens. */
type Parts = Awaited<ReturnType<typeof openParts>>

/** Opens the database, the client of Redis, and what works with them. */
async function openParts(options: ApiOptions) {
  const { config, log, trustedProxies } = options
  const sql = await connectDatabase(config.databaseUrl, options.connectTimeoutMs, {
    poolSize: config.databasePoolSize,
    applicationName: 'titan-api',
  })
  const redis = createRedis(config.redisUrl, log)
  const queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix: config.prefix })
  const slots = new RequestSlots(options.maxInFlight)
  const metrics =
    options.healthPort > 0 ? createApiMetrics(options.version, () => slots.inFlight()) : undefined
  const stopReading = metrics?.stores.observe({
    databaseUrl: config.databaseUrl,
    queues: [queue, createQueue(redis, WEBHOOKS_QUEUE, { prefix: config.prefix })],
  })
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
  const authenticator = options.requireApiKey
    ? createAuthenticator({ keys: createApiKeyStore(sql), log })
    : undefined
  const gateway = options.lookUpGateway
  const dashboard = openDashboard({
    ...options.dashboard,
    config,
    redis,
    authenticator,
    log,
    trustedProxies,
    gateway,
  })
  let isDraining = false
  const probes: Probes = {
    postgres: createWriteProbe(sql),
    redis: () => isWritable(redis),
    isDraining: () => isDraining,
  }
  const startDraining = (): void => {
    isDraining = true
  }
  const lists = openLists(config.databaseUrl)
  return {
    sql,
    redis,
    slots,
    metrics,
    stopReading,
    store,
    relay,
    authenticator,
    dashboard,
    probes,
    startDraining,
    lists,
  }
}

/** Creates the HTTP application of the opened parts. */
function createApiApp(options: ApiOptions, parts: Parts): ReturnType<typeof createApp> {
  const { sql, metrics, store, relay, authenticator, dashboard, lists, probes, slots } = parts
  const { rateLimitPerMinute, allowedHosts, trustedProxies, log } = options
  return createApp({
    payments: metrics === undefined ? store : { ...store, create: metrics.countAcceptance(store.create) },
    relay,
    gatewayWebhooks: { gateways: options.gateways, policy: options.config.policy },
    access: {
      authenticator,
      limiter: rateLimitPerMinute === 0 ? undefined : createRateLimiter(rateLimitPerMinute),
      allowedHosts,
      trustedProxies,
      log,
    },
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
}

/** Connects to Redis while requests are accepted without it. Never rejects. */
async function connectInBackground(redis: Redis, url: string, log: Log): Promise<void> {
  try {
    await redis.connect()
    await requireSingleServer(redis, url)
  } catch (error) {
    // The client reports any other error, or the API has stopped.
    if (error instanceof Failure)
      log.error('redis.rejected', 'Redis unsuitable, payments stay PENDING', { error })
  }
}
