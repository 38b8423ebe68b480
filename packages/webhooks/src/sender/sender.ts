import type { Database } from '@titan/payments'
import { createQueue, createWorker, type OnEvent, type RedisClient } from '@titan/queue-core'
import { DEFAULT_RETRY_SCHEDULE, type RetrySchedule } from '../model/decision.ts'
import type { OnWebhooksEvent } from '../model/events.ts'
import { SecretBox } from '../model/secrets.ts'
import type { WebhooksConfig } from '../settings.ts'
import type { FailureLimits } from '../store/attempts.ts'
import { createNameResolver, WebhookClient } from './client.ts'
import { createDeliverHandler, WEBHOOKS_QUEUE, type WebhookJobs } from './deliver.ts'
import { startPruner, WebhookRelay } from './relay.ts'

/** Pauses an endpoint after five failures in a row, and disables it after five days without a success. */
export const DEFAULT_FAILURE_LIMITS: FailureLimits = {
  breakAfter: 5,
  breakMs: 30_000,
  maxBreakMs: 300_000,
  disableAfterMs: 5 * 24 * 3_600_000,
}

/** Options of {@link startWebhookSender}. */
export interface WebhookSenderOptions {
  /** Migrated; the caller closes it. */
  readonly sql: Database
  /** Connected; the caller closes it. */
  readonly redis: RedisClient
  readonly config: WebhooksConfig
  /** First part of every Redis key. @default 'titan' */
  readonly prefix?: string | undefined
  /** Name of this sender for people. @default host name and process id */
  readonly consumer?: string | undefined
  /** Milliseconds between two looks at the tables. @default 500 */
  readonly intervalMs?: number | undefined
  /** Milliseconds between two walks through events older than the retention. @default 3600000 */
  readonly pruneIntervalMs?: number | undefined
  /** Time after which a delivery without a result is sent again, in milliseconds. @default three timeouts, at least 60000 */
  readonly leaseMs?: number | undefined
  /** Time after which the job of an unresponsive sender is reclaimed, in milliseconds. @default 30000 */
  readonly visibilityMs?: number | undefined
  /** @default the delays of the configuration, with 20 % of jitter */
  readonly schedule?: RetrySchedule | undefined
  /** @default DEFAULT_FAILURE_LIMITS */
  readonly limits?: FailureLimits | undefined
  /** @default none */
  readonly onEvent?: OnWebhooksEvent | undefined
  /** Receives the events of the queue. @default none */
  readonly onQueueEvent?: OnEvent | undefined
}

/** A running sender. */
export type WebhookSender = Awaited<ReturnType<typeof startWebhookSender>>

/** A lease outlives a request, the wait before it and the recording of its result. */
const MIN_LEASE_MS = 60_000
/** A result counts by the dispatch number in the database; the queue's own memory only catches simultaneous duplicates. */
const DEDUPE_MS = 60_000

/**
 * Starts to send: events become deliveries, due deliveries become jobs, jobs become requests. Any number of senders may
 * run, in any number of processes.
 *
 * @throws {QueueError} when the server or an option is unfit for the queue
 */
export async function startWebhookSender(options: WebhookSenderOptions) {
  const { sql, redis, config, prefix = 'titan', intervalMs = 500, pruneIntervalMs = 3_600_000 } = options
  const { timeoutMs, concurrency, endpointConcurrency, egress, retentionMs } = config
  const { leaseMs = Math.max(MIN_LEASE_MS, 3 * timeoutMs), onEvent = () => {} } = options
  // Names of the local network are known to the system only.
  const names = createNameResolver(egress.allowedSubnets.length > 0)
  const client = new WebhookClient({ egress, resolve: names.resolve, timeoutMs })
  const queue = createQueue<WebhookJobs>(redis, WEBHOOKS_QUEUE, { prefix })
  const relay = new WebhookRelay({
    sql,
    queue,
    maxReady: 2 * concurrency,
    leaseMs,
    maxPerEndpoint: endpointConcurrency,
    intervalMs,
    onEvent,
  })
  const deliver = createDeliverHandler({
    sql,
    client,
    box: new SecretBox(config.encryptionKeys),
    schedule: options.schedule ?? { ...DEFAULT_RETRY_SCHEDULE, delaysMs: config.retryDelaysMs },
    limits: options.limits ?? DEFAULT_FAILURE_LIMITS,
    leaseMs,
    onEvent,
    onEnd: () => relay.nudgeDispatch(),
  })
  const worker = createWorker<WebhookJobs>(
    redis,
    WEBHOOKS_QUEUE,
    { deliver },
    {
      prefix,
      consumer: options.consumer,
      concurrency,
      // A job that waits in a busy sender is one that no other sender can take.
      maxPrefetch: 0,
      dedupeMs: DEDUPE_MS,
      visibilityMs: options.visibilityMs ?? 30_000,
      onEvent: options.onQueueEvent,
    },
  )

  async function close() {
    await queue.close()
    names.close()
    await client.close()
  }

  try {
    await worker.start()
  } catch (error) {
    await worker.stop({ graceMs: 0 })
    await close()
    throw error
  }
  relay.start()
  const pruner = startPruner(sql, retentionMs, pruneIntervalMs, onEvent)

  async function stop(graceMs: number) {
    await Promise.all([relay.stop(), pruner.stop(), worker.stop({ graceMs })])
    await close()
  }

  let stopped: Promise<void> | undefined
  return {
    /** Looks for new events now. Never waits, never throws. */
    nudge: () => relay.nudge(),
    /** Claims no more deliveries, or claims them again. */
    pause: (isPaused: boolean) => worker.setConcurrency(isPaused ? 0 : concurrency),
    /** Reports the health of its worker. */
    health: () => worker.health(),
    /**
     * Takes nothing more, lets the requests under way finish, then closes what it opened. Idempotent.
     *
     * @param graceMs time after which requests are cut off; other senders send them again
     */
    stop: (graceMs = 10_000) => (stopped ??= stop(graceMs)),
  }
}
