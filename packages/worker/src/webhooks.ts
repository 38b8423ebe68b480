import { logQueueEvents, logWebhooksEvents, type WorkerMetrics } from '@titan/telemetry'
import { connectDatabase, type PaymentsConfig } from '@titan/payments'
import type { Log, Redis } from '@titan/service'
import type { WorkerHealth } from '@titan/queue-core'
import { startWebhookSender, WEBHOOKS_QUEUE, type WebhooksConfig } from '@titan/webhooks'

/** How to send webhooks beside the workers. */
export interface WebhooksOptions {
  readonly config: PaymentsConfig
  readonly webhooks: WebhooksConfig
  /** Connected, and the caller's to close. */
  readonly redis: Redis
  readonly log: Log
  /** Told of everything that happens. @default nothing is measured */
  readonly metrics?: WorkerMetrics | undefined
  readonly consumer: string
  /** How long to try to reach PostgreSQL, in milliseconds. */
  readonly connectTimeoutMs: number
}

/** The sending of webhooks as it runs. */
export interface Webhooks {
  /** A payment has changed: looks for it now. Never waits, never throws. */
  nudge(): void
  /** Signs of life of the worker that sends. */
  health(): WorkerHealth
  /** Lets the requests under way finish, for as long as `graceMs`, then closes everything. Idempotent. */
  stop(graceMs: number): Promise<void>
}

/** Of their own, so that webhooks never wait in front of payments. */
const POOL_SIZE = 4
/** How long statements that are under way may take when the database is closed, in seconds. */
const DATABASE_GRACE_S = 5

/**
 * Starts to send webhooks, over connections to PostgreSQL of their own.
 *
 * @throws Failure when PostgreSQL cannot be used; QueueError when Redis is not fit for the queue
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
