import { isInstance, textOf } from '@titan/queue-core/text-of'
import { setTimeout as pause } from 'node:timers/promises'
import { logPaymentsEvents, logQueueEvents, logWebhooksEvents, type WorkerMetrics } from '@titan/telemetry'
import {
  accountGatewaysOf,
  BooksDuty,
  type AccountGateways,
  connectDatabase,
  connectionName,
  createPaymentHandler,
  createPaymentStore,
  createReconciler,
  createRelay,
  createWriteProbe,
  PAYMENTS_QUEUE,
  prepareTables,
  recordPartitions,
  type BeforeCharge,
  type Database,
  stoppable,
  inFleet,
  type FleetLimits,
  type Gateways,
  type StoppableGateways,
  type OpenGateways,
  type PaymentHandler,
  type PaymentJobs,
  type PaymentsConfig,
  type PaymentsEvent,
  type PaymentStore,
  type Reconciler,
  type Relay,
} from '@titan/payments'
import {
  createQueue,
  createWorker,
  QueueError,
  type OnEvent,
  type Worker,
  type WorkerHealth,
} from '@titan/queue-core'
import { createRedis, Failure, type Log, type Redis } from '@titan/service'
import {
  SecretBox,
  startWebhookSender,
  WEBHOOKS_QUEUE,
  type WebhooksConfig,
  type WebhookSender,
} from '@titan/webhooks'
import { Intake, type Allowance, type IntakeOptions } from './intake.ts'
import type { WorkerSettings } from './settings.ts'

/** How to run the workers of one process. */
export interface PaymentWorkersOptions extends Omit<
  WorkerSettings,
  | 'beforeCharge'
  | 'sendWebhooks'
  | 'graceMs'
  | 'healthPort'
  | 'healthHost'
  | 'check'
  | 'logLevel'
  | 'logFormat'
> {
  readonly config: PaymentsConfig
  /** With `create`, accounts may have their own credentials. */
  readonly gateways: Gateways & Partial<Pick<OpenGateways, 'create'>>
  /** Returns the limits of a gateway for all workers together. @default none */
  readonly fleetLimits?: ((gateway: string) => FleetLimits | undefined) | undefined
  /** @default every charge is sent */
  readonly beforeCharge?: BeforeCharge | undefined
  readonly log: Log
  /** How outgoing webhooks are sent. @default none are sent, but their events are stored */
  readonly webhooks?: WebhooksConfig | undefined
  /** Open the credentials of accounts. @default none can be read, and payments of accounts that have some wait */
  readonly encryptionKeys?: readonly Uint8Array[] | undefined
  /** Receives every event. @default nothing is measured */
  readonly metrics?: WorkerMetrics | undefined
}

/** Time for statements under way when the database is closed, in seconds: by then all work has ended, or was given up. */
const DATABASE_GRACE_S = 1

/** Separate connections, so that webhooks and payments never wait for each other. */
const WEBHOOKS_POOL = { poolSize: 4, applicationName: 'titan-webhooks' }

/**
 * Starts workers, and the two loops that keep the queue in step with the payments.
 *
 * @throws Failure when PostgreSQL or Redis cannot be used
 */
export async function startPaymentWorkers(options: PaymentWorkersOptions): Promise<PaymentWorkers> {
  const { databaseUrl, databasePoolSize: poolSize } = options.config
  const pool = { poolSize, applicationName: connectionName('titan-worker', options.gateways.names) }
  const sql = await connectDatabase(databaseUrl, options.connectTimeoutMs, pool, options.log)
  const workers = new PaymentWorkers(options, sql)
  try {
    await workers.start()
  } catch (error) {
    await workers.stop(0)
    throw error
  }
  return workers
}

/** The workers of one process, and what they share. */
export class PaymentWorkers {
  /** Rejects when PostgreSQL does not respond, or takes no writes. */
  readonly ping: () => Promise<unknown>
  readonly #options: PaymentWorkersOptions
  readonly #sql: Database
  readonly #redis: Redis
  readonly #accounts: AccountGateways | undefined
  readonly #gateways: StoppableGateways
  readonly #store: PaymentStore
  readonly #relay: Relay
  readonly #reconciler: Reconciler
  readonly #books: BooksDuty
  readonly #workers: readonly { readonly worker: Worker; readonly pay: PaymentHandler }[]
  readonly #intake: Intake
  readonly #stopReading: (() => Promise<void>) | undefined
  #webhooks: WebhookSender | undefined
  #stopped: Promise<void> | undefined

  constructor(options: PaymentWorkersOptions, sql: Database) {
    const { config, metrics } = options
    this.#accounts = accountsOf(options, sql)
    const gateways = this.#accounts ?? options.gateways
    const { prefix, partitions, databaseUrl } = config
    this.#options = options
    this.#sql = sql
    const redis = createRedis(config.redisUrl, options.log)
    this.#redis = redis
    const measured = metrics?.measureGateways(gateways) ?? gateways
    this.#gateways = stoppable(shared(measured, options, redis))
    metrics?.observeStops(this.#gateways)
    this.ping = createWriteProbe(sql, (stopped) => this.#gateways.setStopped(stopped))
    const store = createPaymentStore(sql)
    this.#store = store
    const queue = createQueue<PaymentJobs>(redis.client, PAYMENTS_QUEUE, { prefix, partitions })
    const report = both(logPaymentsEvents(options.log), metrics?.onPaymentsEvent)
    const onEvent = (event: PaymentsEvent): void => {
      report(event)
      if (event.type === 'settled') this.#webhooks?.nudge()
    }
    const { relayIntervalMs, reconcileIntervalMs: intervalMs } = config
    this.#relay = createRelay({ store, queue, intervalMs: relayIntervalMs, onEvent })
    this.#reconciler = createReconciler({ store, queue, redis, prefix, partitions, intervalMs, onEvent })
    const { consumer: owner } = options
    const books = { store, gateways: this.#gateways, owner, policy: config.policy, onEvent }
    this.#books = new BooksDuty(books)
    const countJob = metrics?.onQueueEvent(PAYMENTS_QUEUE)
    this.#workers = consumersOf(options).map((consumer) => this.#createWorker(consumer, onEvent, countJob))
    const webhookQueues = options.webhooks ? [createQueue(redis.client, WEBHOOKS_QUEUE, { prefix })] : []
    const limit: IntakeOptions['limit'] = (allowed, others) => this.#limit(allowed, others)
    this.#intake = new Intake({ ping: this.ping, gateways: this.#gateways, log: options.log, limit })
    this.#stopReading = metrics?.stores.observe({ databaseUrl, queues: [queue, ...webhookQueues] })
  }

  /** Connects to Redis, then starts workers, webhooks and loops. */
  async start() {
    const { config, connectTimeoutMs, webhooks, relay, reconcile, books } = this.#options
    await prepareTables(this.#sql, this.#options)
    await recordPartitions(this.#sql, PAYMENTS_QUEUE, config.partitions)
    await this.#accounts?.start()
    await this.#redis.connect(connectTimeoutMs)
    // Before the first claim: a gateway may be stopped. Without an answer nothing can be claimed either.
    await this.ping().catch(() => {})
    for (const { worker } of this.#workers) await startPatiently(() => worker.start(), connectTimeoutMs)
    if (webhooks !== undefined) this.#webhooks = await this.#startWebhooks(webhooks)
    this.#intake.start()
    if (relay) this.#relay.start()
    if (reconcile) this.#reconciler.start()
    if (books) this.#books.start()
  }

  /** Returns the health of every worker, that of the webhooks too; `isStuck` when abandoned work on a job hangs. */
  health() {
    const health: (WorkerHealth & { queue: string; isStuck: boolean })[] = this.#workers.map(
      ({ worker, pay }) => ({ queue: PAYMENTS_QUEUE, isStuck: pay.isStuck(), ...worker.health() }),
    )
    if (this.#webhooks !== undefined)
      health.push({ queue: WEBHOOKS_QUEUE, isStuck: false, ...this.#webhooks.health() })
    return health
  }

  /**
   * Claims nothing more, lets the payments in progress finish, then closes everything. Idempotent.
   *
   * @param graceMs after this long the rest is released to other workers
   */
  stop(graceMs: number) {
    return (this.#stopped ??= this.#stop(graceMs))
  }

  async #stop(graceMs: number) {
    const stops = this.#workers.map(({ worker }) => worker.stop({ graceMs }))
    // Only after the stops have begun, so that no further job starts in place of a released one.
    const watching = this.#intake.stop()
    await Promise.all([
      ...stops,
      watching,
      this.#relay.stop(),
      this.#reconciler.stop(),
      this.#books.stop(),
      this.#webhooks?.stop(graceMs),
    ])
    await this.#gateways.close()
    await this.#stopReading?.()
    this.#redis.close()
    await end(this.#sql)
  }

  #createWorker(consumer: string, onEvent: (event: PaymentsEvent) => void, countJob: OnEvent | undefined) {
    const { config, beforeCharge, log, group, concurrency, visibilityTimeoutMs: visibilityMs } = this.#options
    const { prefix, partitions, gatewayTimeoutMs, leaseMs, policy } = config
    const pay = createPaymentHandler({
      store: this.#store,
      gateways: this.#gateways,
      concurrency,
      beforeCharge,
      worker: consumer,
      gatewayTimeoutMs,
      leaseMs,
      policy,
      returning: (gateway) => this.#intake.signalOf(gateway),
      onEvent,
    })
    const onJobEvent = both(logQueueEvents(log, consumer), countJob)
    const shared = { prefix, partitions, group, consumer, concurrency }
    const options = { ...shared, visibilityMs, onEvent: onJobEvent }
    const worker = createWorker<PaymentJobs>(this.#redis.client, PAYMENTS_QUEUE, { pay }, options)
    return { worker, pay }
  }

  #limit(allowed: Allowance, others: Allowance): void {
    const { concurrency } = this.#options
    const [first, ...rest] = this.#workers
    // Jobs that still hang must not keep the one from its start.
    const one = (first?.worker.running ?? 0) + 1
    first?.worker.setConcurrency(allowed === 'all' ? concurrency : allowed === 'one' ? one : 0)
    for (const { worker } of rest) worker.setConcurrency(allowed === 'all' ? concurrency : 0)
    this.#webhooks?.pause(others === 'none')
  }

  async #startWebhooks(webhooks: WebhooksConfig) {
    const { config, log, metrics, consumer, connectTimeoutMs } = this.#options
    const sql = await connectDatabase(config.databaseUrl, connectTimeoutMs, WEBHOOKS_POOL, log)
    const options = {
      sql,
      redis: this.#redis.client,
      config: webhooks,
      prefix: config.prefix,
      consumer,
      onEvent: both(logWebhooksEvents(log), metrics?.onWebhooksEvent),
      onQueueEvent: both(logQueueEvents(log, consumer), metrics?.onQueueEvent(WEBHOOKS_QUEUE)),
    }
    try {
      const sender = await startPatiently(() => startWebhookSender(options), connectTimeoutMs)
      return { ...sender, stop: (graceMs?: number) => sender.stop(graceMs).then(() => end(sql)) }
    } catch (error) {
      await end(sql)
      throw error
    }
  }
}

/** Puts the limits for all workers around gateways, where there are any. */
function shared(
  gateways: Gateways,
  { config, fleetLimits, log }: PaymentWorkersOptions,
  redis: Redis,
): Gateways {
  if (!gateways.names.some((name) => fleetLimits?.(name) !== undefined)) return gateways
  return inFleet(gateways, {
    redis,
    prefix: config.prefix,
    limitsOf: (name) => fleetLimits?.(name),
    // A conversation has three calls at most.
    leaseMs: 3 * config.gatewayTimeoutMs + config.leaseMs,
    onShare: (gateway, error) =>
      log.warn('fleet_limits.divided', 'fleet limits divided, Redis unavailable', { gateway, error }),
    onWhole: (gateway) => log.info('fleet_limits.restored', 'fleet limits restored', { gateway }),
  })
}

/** Undefined for gateways that accounts cannot have. */
function accountsOf(options: PaymentWorkersOptions, sql: Database): AccountGateways | undefined {
  const { gateways, encryptionKeys = [], log } = options
  const { create } = gateways
  if (create === undefined) return undefined
  return accountGatewaysOf({
    gateways,
    // An account's credentials lie over the environment of the program.
    create: (name, variables) => create(name, { ...process.env, ...variables }),
    sql,
    seal: new SecretBox(encryptionKeys),
    log,
  })
}

function end(sql: Database) {
  return sql.end({ timeout: DATABASE_GRACE_S })
}

function both<Event>(log: (event: Event) => void, count: ((event: Event) => void) | undefined) {
  return (event: Event): void => {
    log(event)
    count?.(event)
  }
}

function consumersOf({ consumer, workerCount }: PaymentWorkersOptions) {
  if (workerCount === 1) return [consumer]
  return Array.from({ length: workerCount }, (_, index) => `${consumer}-${index + 1}`)
}

const RETRY_MS = 200

/** Starts a worker, again while Redis is unreachable, but not after a wrong setting. */
async function startPatiently<Started>(start: () => Promise<Started>, timeoutMs: number) {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      return await start()
    } catch (error) {
      if (isInstance(error, QueueError) || performance.now() > deadline)
        throw new Failure(textOf(error), { cause: error })
      await pause(RETRY_MS)
    }
  }
}
