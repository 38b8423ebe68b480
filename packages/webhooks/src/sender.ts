import type { Database } from '@titan/payments'
import {
  createQueue,
  createWorker,
  type OnEvent,
  type RedisClient,
  type WorkerHealth,
} from '@titan/queue-core'
import { createWebhookClient } from './client.ts'
import type { WebhooksConfig } from './config.ts'
import { createDeliverHandler } from './deliver.ts'
import { createDeliveryStore } from './delivery-store.ts'
import type { OnWebhooksEvent } from './events.ts'
import { createPruner } from './pruner.ts'
import { createWebhookRelay } from './relay.ts'
import { createNameResolver, type Resolve } from './resolver.ts'
import { DEFAULT_RETRY_SCHEDULE, type RetrySchedule } from './retry-schedule.ts'
import type { FailureLimits } from './statements/record.ts'
import { createVault } from './vault.ts'
import { WEBHOOKS_QUEUE, type WebhookJobs } from './webhook-job.ts'

const HOUR_MS = 3_600_000

/** An endpoint rests after five failures in a row, and is disabled after five days without a success. */
export const DEFAULT_FAILURE_LIMITS: FailureLimits = {
  breakAfter: 5,
  breakMs: 30_000,
  maxBreakMs: 300_000,
  disableAfterMs: 5 * 24 * HOUR_MS,
}

/** Options of {@link startWebhookSender}. */
export interface WebhookSenderOptions {
  /** Migrated, and the caller's to close. */
  readonly sql: Database
  /** Connected, and the caller's to close. */
  readonly redis: RedisClient
  readonly config: WebhooksConfig
  /** First part of every Redis key. @default 'titan' */
  readonly prefix?: string
  /** Name of this sender for people. @default host name and process id */
  readonly consumer?: string
  /** Milliseconds between two looks at the tables. @default 500 */
  readonly intervalMs?: number
  /** Milliseconds between two walks through what is older than the retention. @default 3600000 */
  readonly pruneIntervalMs?: number
  /** After so long without a result a delivery is sent again, in milliseconds. @default three timeouts, at least 60000 */
  readonly leaseMs?: number
  /** After so long the job of a sender that went silent goes to another one, in milliseconds. @default 30000 */
  readonly visibilityMs?: number
  /** @default what the configuration says, with 20 % of jitter */
  readonly schedule?: RetrySchedule
  /** @default DEFAULT_FAILURE_LIMITS */
  readonly limits?: FailureLimits
  /** Finds the addresses of names. @default the name servers; also the system when subnets are allowed that are not public */
  readonly resolve?: Resolve
  /** @default none */
  readonly onEvent?: OnWebhooksEvent
  /** Gets what happens in the queue. @default none */
  readonly onQueueEvent?: OnEvent
}

/** A sender that runs. */
export interface WebhookSender {
  /** There is news: looks at the tables now instead of in a moment. Never waits, never throws. */
  nudge(): void
  /** Signs of life of its worker. */
  health(): WorkerHealth
  /**
   * Takes nothing more, lets the requests under way finish, then closes what it opened. Idempotent.
   *
   * @param graceMs after this long the rest is cut, and sent again by others
   */
  stop(graceMs?: number): Promise<void>
}

/** A lease outlives a request, what it waits for before and the storing of its result. */
const MIN_LEASE_MS = 60_000
/** Rows per statement of the relay. */
const BATCH_SIZE = 500
/** A result counts by the dispatch number in the database; the queue's own memory is only for what is delivered twice at once. */
const DEDUPE_MS = 60_000

/**
 * Starts to send: events become deliveries, due deliveries become jobs, jobs become requests. Any number of senders may
 * run, in any number of processes.
 *
 * @throws {QueueError} when the server or an option is not fit for the queue
 */
export async function startWebhookSender(options: WebhookSenderOptions): Promise<WebhookSender> {
  const { sql, redis, config, prefix = 'titan', intervalMs = 500 } = options
  const leaseMs = options.leaseMs ?? Math.max(MIN_LEASE_MS, 3 * config.timeoutMs)
  const { limits = DEFAULT_FAILURE_LIMITS, onEvent = () => {} } = options
  const { schedule = { ...DEFAULT_RETRY_SCHEDULE, delaysMs: config.retryDelaysMs } } = options
  const { timeoutMs, concurrency, endpointConcurrency, reach, retentionMs } = config
  const names = createNameResolver(reach.allowedSubnets.length > 0)
  const client = createWebhookClient({ reach, resolve: options.resolve ?? names.resolve, timeoutMs })
  const store = createDeliveryStore(sql)
  const queue = createQueue<WebhookJobs>(redis, WEBHOOKS_QUEUE, { prefix })
  const relay = createWebhookRelay({
    store,
    queue,
    batchSize: BATCH_SIZE,
    maxReady: 2 * concurrency,
    leaseMs,
    maxPerEndpoint: endpointConcurrency,
    intervalMs,
    onEvent,
  })
  const pruner = createPruner({ store, retentionMs, intervalMs: options.pruneIntervalMs, onEvent })
  const deliver = createDeliverHandler({
    store,
    client,
    vault: createVault(config.encryptionKeys),
    schedule,
    limits,
    leaseMs,
    onEvent,
    onEnd: relay.nudgeDispatch,
    random: Math.random,
  })
  const worker = createWorker<WebhookJobs>(
    redis,
    WEBHOOKS_QUEUE,
    { deliver },
    {
      prefix,
      concurrency,
      // A job that waits in a sender which is busy is one that no other sender can take.
      maxPrefetch: 0,
      dedupeMs: DEDUPE_MS,
      visibilityMs: options.visibilityMs ?? 30_000,
      ...(options.consumer === undefined ? {} : { consumer: options.consumer }),
      ...(options.onQueueEvent === undefined ? {} : { onEvent: options.onQueueEvent }),
    },
  )

  async function stop(graceMs: number): Promise<void> {
    await Promise.all([relay.stop(), pruner.stop(), worker.stop({ graceMs })])
    await queue.close()
    names.close()
    await client.close()
  }

  try {
    await worker.start()
  } catch (error) {
    await stop(0)
    throw error
  }
  relay.start()
  pruner.start()
  let stopped: Promise<void> | undefined
  return {
    nudge: relay.nudge,
    health: () => worker.health(),
    stop: (graceMs = 10_000) => (stopped ??= stop(graceMs)),
  }
}
