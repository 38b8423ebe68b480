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
  type Gateway,
  type OnPaymentsEvent,
  type PaymentJobs,
  type PaymentsConfig,
} from '@titan/payments'
import { createQueue, createWorker, QueueError, type Worker, type WorkerHealth } from '@titan/queue-core'
import { closeRedis, connectRedis, createRedis, Failure, type Log } from '@titan/service'
import { WEBHOOKS_QUEUE, type WebhooksConfig } from '@titan/webhooks'
import { startWebhooks, type Webhooks } from './webhooks.ts'

/** How to run the workers of one process. */
export interface PaymentWorkersOptions {
  readonly config: PaymentsConfig
  readonly gateway: Gateway
  readonly log: Log
  /** How outgoing webhooks are sent. @default none are sent; what happens is noted for whoever sends them later */
  readonly webhooks?: WebhooksConfig | undefined
  /** Told of everything that happens. @default nothing is measured */
  readonly metrics?: WorkerMetrics | undefined
  /** Consumer group; all workers of a queue share one. */
  readonly group: string
  /** Name of the worker; a number is added when there are several. */
  readonly consumer: string
  /** How many workers this process has. They share its connections. */
  readonly workerCount: number
  /** Payments that each worker handles at the same time. */
  readonly concurrency: number
  /** Milliseconds after which a job whose worker went silent goes to another one. */
  readonly visibilityTimeoutMs: number
  /** Run the loop that moves PENDING payments into the queue. */
  readonly relay: boolean
  /** Run the loop that finds payments whose job is lost. */
  readonly reconcile: boolean
  /** Apply the missing migrations first. */
  readonly migrate: boolean
  /** How long to try to reach PostgreSQL and Redis at the start, in milliseconds. */
  readonly connectTimeoutMs: number
}

/** Signs of life of a worker, and the queue that it works. */
export interface QueueWorkerHealth extends WorkerHealth {
  readonly queue: string
  /** Whether the work on a job hangs although it was given up. */
  readonly isStuck: boolean
}

/** Workers that run. */
export interface PaymentWorkers {
  /**
   * Claims nothing more, lets the payments in progress finish, then closes everything. Idempotent.
   *
   * @param graceMs after this long the rest is given back to the other workers
   */
  stop(graceMs: number): Promise<void>
  /** Signs of life of every worker, that of the webhooks too. */
  health(): QueueWorkerHealth[]
  /** Rejects when PostgreSQL does not answer, or takes no writes. */
  ping(): Promise<unknown>
}

/** How long statements that are under way may take when the database is closed, in seconds. */
const DATABASE_GRACE_S = 5

/**
 * Starts workers, and beside them the two loops that keep the queue in step with the payments.
 *
 * @throws Failure when PostgreSQL or Redis cannot be used
 */
export async function startPaymentWorkers(options: PaymentWorkersOptions): Promise<PaymentWorkers> {
  const { config, log, metrics, connectTimeoutMs } = options
  const gateway = metrics?.measureGateway(options.gateway) ?? options.gateway
  const { prefix } = config
  const sql = await connectDatabase(config.databaseUrl, connectTimeoutMs, {
    poolSize: config.databasePoolSize,
    applicationName: 'titan-worker',
  })
  const redis = createRedis(config.redisUrl, log)
  const queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix })
  const store = createPaymentStore(sql)
  let webhooks: Webhooks | undefined
  const logEvent = logPaymentsEvents(log)
  const onEvent: OnPaymentsEvent = (event) => {
    logEvent(event)
    metrics?.onPaymentsEvent(event)
    if (event.type === 'settled') webhooks?.nudge()
  }
  const relay = createRelay({ store, queue, intervalMs: config.relayIntervalMs, onEvent })
  const reconciler = createReconciler({
    store,
    queue,
    redis,
    prefix,
    intervalMs: config.reconcileIntervalMs,
    onEvent,
  })
  const stopping = new AbortController()
  const countJob = metrics?.onQueueEvent(PAYMENTS_QUEUE)
  const workers = consumersOf(options).map((consumer) => {
    const { gatewayTimeoutMs, leaseMs, policy } = config
    const logJob = logQueueEvents(log, consumer)
    const pay = createPaymentHandler({
      store,
      gateway,
      worker: consumer,
      gatewayTimeoutMs,
      leaseMs,
      policy,
      stopping: stopping.signal,
      onEvent,
    })
    const worker = createWorker<PaymentJobs>(
      redis,
      PAYMENTS_QUEUE,
      { pay },
      {
        prefix,
        group: options.group,
        consumer,
        concurrency: options.concurrency,
        visibilityMs: options.visibilityTimeoutMs,
        onEvent(event) {
          logJob(event)
          countJob?.(event)
        },
      },
    )
    return { worker, pay }
  })

  const stopReading = metrics?.stores.observe({
    databaseUrl: config.databaseUrl,
    queues: [
      queue,
      ...(options.webhooks === undefined ? [] : [createQueue(redis, WEBHOOKS_QUEUE, { prefix })]),
    ],
  })

  async function stop(graceMs: number): Promise<void> {
    const stops = workers.map(({ worker }) => worker.stop({ graceMs }))
    // Only now, so that no further job is begun in place of one that goes back.
    stopping.abort(new Error('the worker stops'))
    await Promise.all([...stops, relay.stop(), reconciler.stop(), webhooks?.stop(graceMs)])
    await gateway.close?.()
    await stopReading?.()
    closeRedis(redis)
    await sql.end({ timeout: DATABASE_GRACE_S })
  }

  try {
    await prepareTables(sql, options)
    await connectRedis(redis, config.redisUrl, connectTimeoutMs)
    for (const { worker } of workers) await startWorker(worker, connectTimeoutMs)
    if (options.webhooks !== undefined)
      webhooks = await startWebhooks({ ...options, webhooks: options.webhooks, redis })
    if (options.relay) relay.start()
    if (options.reconcile) reconciler.start()
  } catch (error) {
    await stop(0)
    throw error
  }
  let stopped: Promise<void> | undefined
  return {
    stop: (graceMs) => (stopped ??= stop(graceMs)),
    health: () => [
      ...workers.map(({ worker, pay }) => ({
        queue: PAYMENTS_QUEUE,
        isStuck: pay.isStuck(),
        ...worker.health(),
      })),
      ...(webhooks === undefined ? [] : [{ queue: WEBHOOKS_QUEUE, isStuck: false, ...webhooks.health() }]),
    ],
    ping: createWriteProbe(sql),
  }
}

function consumersOf({ consumer, workerCount }: PaymentWorkersOptions): string[] {
  if (workerCount === 1) return [consumer]
  return Array.from({ length: workerCount }, (_, index) => `${consumer}-${index + 1}`)
}

const RETRY_MS = 200

/** Starts one worker; a Redis that goes away just now gets another chance, a setting that is wrong does not. */
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
