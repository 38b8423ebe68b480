import { isInstance, textOf } from '@titan/queue-core/text-of'
import { setTimeout as pause } from 'node:timers/promises'
import { logPaymentsEvents, logQueueEvents, type WorkerMetrics } from '@titan/telemetry'
import {
  connectDatabase,
  createPaymentHandler,
  createPaymentStore,
  createReconciler,
  createRelay,
  createWriteProbe,
  PAYMENTS_QUEUE,
  prepareTables,
  type Database,
  type Gateway,
  type OnPaymentsEvent,
  type PaymentHandler,
  type PaymentJobs,
  type PaymentsConfig,
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
import { closeRedis, connectRedis, createRedis, Failure, type Log, type Redis } from '@titan/service'
import { WEBHOOKS_QUEUE, type WebhooksConfig } from '@titan/webhooks'
import { startWebhooks, type Webhooks } from './webhooks.ts'

/** How to run the workers of one process. */
export interface PaymentWorkersOptions {
  readonly config: PaymentsConfig
  readonly gateway: Gateway
  readonly log: Log
  /** How outgoing webhooks are sent. @default none are sent, but their events are stored */
  readonly webhooks?: WebhooksConfig | undefined
  /** Receives every event. @default nothing is measured */
  readonly metrics?: WorkerMetrics | undefined
  /** Consumer group; all workers of a queue share one. */
  readonly group: string
  /** Name of the worker; several get a number each. */
  readonly consumer: string
  /** Number of workers in this process. They share its connections. */
  readonly workerCount: number
  /** Payments that each worker processes at the same time. */
  readonly concurrency: number
  /** Milliseconds after which the job of an unresponsive worker is reclaimed. */
  readonly visibilityTimeoutMs: number
  /** Run the loop that enqueues PENDING payments. */
  readonly relay: boolean
  /** Run the loop that finds payments whose job is lost. */
  readonly reconcile: boolean
  /** Apply missing migrations first. */
  readonly migrate: boolean
  /** How long to try to reach PostgreSQL and Redis at the start, in milliseconds. */
  readonly connectTimeoutMs: number
}

/** The health of a worker, and its queue. */
export interface QueueWorkerHealth extends WorkerHealth {
  readonly queue: string
  /** Whether abandoned work on a job hangs. */
  readonly isStuck: boolean
}

/** Running workers. */
export interface PaymentWorkers {
  /**
   * Claims nothing more, lets the payments in progress finish, then closes everything. Idempotent.
   *
   * @param graceMs after this long the rest is released to other workers
   */
  stop(graceMs: number): Promise<void>
  /** Returns the health of every worker, that of the webhooks too. */
  health(): QueueWorkerHealth[]
  /** Rejects when PostgreSQL does not respond, or takes no writes. */
  ping(): Promise<unknown>
}

/** Time for running statements when the database is closed, in seconds. */
const DATABASE_GRACE_S = 5

/**
 * Starts workers, and the two loops that keep the queue in step with the payments.
 *
 * @throws Failure when PostgreSQL or Redis cannot be used
 */
export async function startPaymentWorkers(options: PaymentWorkersOptions): Promise<PaymentWorkers> {
  const { databaseUrl, databasePoolSize: poolSize } = options.config
  const applicationName = 'titan-worker'
  const sql = await connectDatabase(databaseUrl, options.connectTimeoutMs, { poolSize, applicationName })
  const process = new WorkerProcess(options, sql)
  try {
    await process.start()
  } catch (error) {
    await process.stop(0)
    throw error
  }
  return process
}

/** A worker of payments with its handler. */
interface PaymentWorker {
  readonly worker: Worker
  readonly pay: PaymentHandler
}

/** The workers of one process, and what they share. */
class WorkerProcess implements PaymentWorkers {
  readonly ping: () => Promise<unknown>
  readonly #options: PaymentWorkersOptions
  readonly #sql: Database
  readonly #redis: Redis
  readonly #gateway: Gateway
  readonly #store: PaymentStore
  readonly #relay: Relay
  readonly #reconciler: Reconciler
  readonly #workers: readonly PaymentWorker[]
  readonly #stopping = new AbortController()
  readonly #stopReading: (() => Promise<void>) | undefined
  #webhooks: Webhooks | undefined
  #stopped: Promise<void> | undefined

  constructor(options: PaymentWorkersOptions, sql: Database) {
    const { config, metrics, gateway } = options
    const { prefix, databaseUrl } = config
    this.#options = options
    this.#sql = sql
    this.ping = createWriteProbe(sql)
    const redis = createRedis(config.redisUrl, options.log)
    this.#redis = redis
    this.#gateway = metrics?.measureGateway(gateway) ?? gateway
    const store = createPaymentStore(sql)
    this.#store = store
    const queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix })
    const onEvent = this.#listen()
    const { relayIntervalMs, reconcileIntervalMs: intervalMs } = config
    this.#relay = createRelay({ store, queue, intervalMs: relayIntervalMs, onEvent })
    this.#reconciler = createReconciler({ store, queue, redis, prefix, intervalMs, onEvent })
    const countJob = metrics?.onQueueEvent(PAYMENTS_QUEUE)
    this.#workers = consumersOf(options).map((consumer) => this.#createWorker(consumer, onEvent, countJob))
    const webhookQueues = options.webhooks ? [createQueue(redis, WEBHOOKS_QUEUE, { prefix })] : []
    this.#stopReading = metrics?.stores.observe({ databaseUrl, queues: [queue, ...webhookQueues] })
  }

  /** Connects to Redis, then starts workers, webhooks and loops. */
  async start(): Promise<void> {
    const { config, connectTimeoutMs, webhooks, relay, reconcile } = this.#options
    await prepareTables(this.#sql, this.#options)
    await connectRedis(this.#redis, config.redisUrl, connectTimeoutMs)
    for (const { worker } of this.#workers) await startWorker(worker, connectTimeoutMs)
    if (webhooks !== undefined)
      this.#webhooks = await startWebhooks({ ...this.#options, webhooks, redis: this.#redis })
    if (relay) this.#relay.start()
    if (reconcile) this.#reconciler.start()
  }

  health(): QueueWorkerHealth[] {
    const health = this.#workers.map(({ worker, pay }) => ({
      queue: PAYMENTS_QUEUE,
      isStuck: pay.isStuck(),
      ...worker.health(),
    }))
    const webhooks = this.#webhooks?.health()
    return webhooks === undefined
      ? health
      : [...health, { queue: WEBHOOKS_QUEUE, isStuck: false, ...webhooks }]
  }

  stop(graceMs: number): Promise<void> {
    return (this.#stopped ??= this.#stop(graceMs))
  }

  async #stop(graceMs: number): Promise<void> {
    const stops = this.#workers.map(({ worker }) => worker.stop({ graceMs }))
    // Only after the stops have begun, so that no further job starts in place of a released one.
    this.#stopping.abort(new Error('the worker stops'))
    await Promise.all([...stops, this.#relay.stop(), this.#reconciler.stop(), this.#webhooks?.stop(graceMs)])
    await this.#gateway.close?.()
    await this.#stopReading?.()
    closeRedis(this.#redis)
    await this.#sql.end({ timeout: DATABASE_GRACE_S })
  }

  #listen(): OnPaymentsEvent {
    const { log, metrics } = this.#options
    const logEvent = logPaymentsEvents(log)
    return (event) => {
      logEvent(event)
      metrics?.onPaymentsEvent(event)
      if (event.type === 'settled') this.#webhooks?.nudge()
    }
  }

  #createWorker(consumer: string, onEvent: OnPaymentsEvent, countJob: OnEvent | undefined): PaymentWorker {
    const { config, log, group, concurrency, visibilityTimeoutMs: visibilityMs } = this.#options
    const { prefix, gatewayTimeoutMs, leaseMs, policy } = config
    const pay = createPaymentHandler({
      store: this.#store,
      gateway: this.#gateway,
      worker: consumer,
      gatewayTimeoutMs,
      leaseMs,
      policy,
      stopping: this.#stopping.signal,
      onEvent,
    })
    const logJob = logQueueEvents(log, consumer)
    const worker = createWorker<PaymentJobs>(
      this.#redis,
      PAYMENTS_QUEUE,
      { pay },
      {
        prefix,
        group,
        consumer,
        concurrency,
        visibilityMs,
        onEvent(event) {
          logJob(event)
          countJob?.(event)
        },
      },
    )
    return { worker, pay }
  }
}

function consumersOf({ consumer, workerCount }: PaymentWorkersOptions): string[] {
  if (workerCount === 1) return [consumer]
  return Array.from({ length: workerCount }, (_, index) => `${consumer}-${index + 1}`)
}

const RETRY_MS = 200

/** Starts one worker, again while Redis is unreachable, but not after a wrong setting. */
async function startWorker(worker: Worker, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      await worker.start()
      return
    } catch (error) {
      if (isInstance(error, QueueError) || performance.now() > deadline) {
        throw new Failure(textOf(error), { cause: error })
      }
      await pause(RETRY_MS)
    }
  }
}
