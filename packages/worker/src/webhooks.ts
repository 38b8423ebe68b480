import { logQueueEvents, logWebhooksEvents, type WorkerMetrics } from '@titan/telemetry'
import { connectDatabase, type PaymentsConfig } from '@titan/payments'
import type { Log, Redis } from '@titan/service'
import type { WorkerHealth } from '@titan/queue-core'
import { startWebhookSender, WEBHOOKS_QUEUE, type WebhooksConfig } from '@titan/webhooks'

/** How to send webhooks in a worker process. */
export interface WebhooksOptions {
  readonly config: PaymentsConfig
  readonly webhooks: WebhooksConfig
  /** Connected; the caller closes it. */
  readonly redis: Redis
  readonly log: Log
  /** Receives every event. @default nothing is measured */
  readonly metrics?: WorkerMetrics | undefined
  readonly consumer: string
  /** How long to try to reach PostgreSQL, in milliseconds. */
  readonly connectTimeoutMs: number
}

/** A running sender of webhooks. */
export interface Webhooks {
  /** Looks for changed payments now. Never waits, never throws. */
  nudge(): void
  /** Returns the health of the sending worker. */
  health(): WorkerHealth
  /** Waits up to `graceMs` for the requests in flight, then closes everything. Idempotent. */
  stop(graceMs: number): Promise<void>
}

/** A separate pool, so that webhooks and payments never wait for each other. */
const POOL_SIZE = 4
/** Time for running statements when the database is closed, in seconds. */
const DATABASE_GRACE_S = 5

/**
 * Starts to send webhooks over separate connections to PostgreSQL.
 *
 * @throws Failure when PostgreSQL cannot be used; QueueError when Redis is unsuitable for the queue
 */
export async function startWebhooks(options: WebhooksOptions): Promise<Webhooks> {
  const { config, webhooks, redis, log, metrics, consumer } = options
  const sql = await connectDatabase(config.databaseUrl, options.connectTimeoutMs, {
    poolSize: POOL_SIZE,
    applicationName: 'titan-webhooks',
  })
  const [logEvent, logJob] = [logWebhooksEvents(log), logQueueEvents(log, consumer)]
  const countJob = metrics?.onQueueEvent(WEBHOOKS_QUEUE)
  const close = (): Promise<void> => sql.end({ timeout: DATABASE_GRACE_S })
  try {
    const sender = await startWebhookSender({
      sql,
      redis,
      config: webhooks,
      prefix: config.prefix,
      consumer,
      onEvent(event) {
        logEvent(event)
        metrics?.onWebhooksEvent(event)
      },
      onQueueEvent(event) {
        logJob(event)
        countJob?.(event)
      },
    })
    const stop = async (graceMs: number): Promise<void> => {
      await sender.stop(graceMs)
      await close()
    }
    let stopped: Promise<void> | undefined
    return { nudge: sender.nudge, health: sender.health, stop: (graceMs) => (stopped ??= stop(graceMs)) }
  } catch (error) {
    await close()
    throw error
  }
}
