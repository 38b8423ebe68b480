import { randomBytes } from 'node:crypto'
import { testPrefix } from '@titan/testkit'
import { createPaymentStore, type Database, type PaymentStore } from '@titan/payments'
import { inject, onTestFinished } from 'vitest'
import {
  startWebhookSender,
  type NewEndpoint,
  type EgressPolicy,
  type RetrySchedule,
  type WebhookEndpoint,
  type WebhookSender,
  type WebhookSenderOptions,
  type WebhooksConfig,
  type WebhooksEvent,
  WebhookStore,
} from '../../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { connectRedis, type TestRedis } from '@titan/testkit/vitest'
import type { Receiver } from './receiver.ts'

/** Allows the receivers of the tests, which are on this machine, at any port that the system gave them. */
export const LOCAL_EGRESS: EgressPolicy = {
  allowHttp: true,
  allowedPorts: Array.from({ length: 65_535 }, (_, index) => index + 1),
  allowedSubnets: ['127.0.0.0/8'],
}

/** The shape of the real schedule, in milliseconds instead of minutes. */
export const QUICK: RetrySchedule = { delaysMs: [0, 20, 40], jitter: 0.2, throttleMs: 30 }

/** What one test file works with. */
export interface Rig {
  readonly sql: Database
  readonly databaseUrl: string
  readonly redis: TestRedis
  readonly payments: PaymentStore
  readonly webhooks: WebhookStore
  readonly config: WebhooksConfig
  readonly prefix: string
  /** A sender that stops with the test. */
  startSender(options?: Partial<WebhookSenderOptions>): Promise<StartedSender>
  /** An endpoint that is deleted with the test. */
  addEndpoint(receiver: Pick<Receiver, 'url'>, given?: Partial<NewEndpoint>): Promise<AddedEndpoint>
}

/** A sender and what it told. */
export interface StartedSender extends WebhookSender {
  readonly events: readonly WebhooksEvent[]
}

/** An endpoint with its secret. */
export interface AddedEndpoint extends WebhookEndpoint {
  readonly secret: string
}

/** A separate database, and the servers of the test run; call it at the top level and await it. */
export async function openRig(): Promise<Rig> {
  const { sql, url: databaseUrl } = await createMigratedDatabase()
  const redis = await connectRedis(inject('redisUrl'))
  const config: WebhooksConfig = {
    encryptionKeys: [randomBytes(32)],
    egress: LOCAL_EGRESS,
    retryDelaysMs: QUICK.delaysMs,
    timeoutMs: 5_000,
    concurrency: 64,
    endpointConcurrency: 8,
    retentionMs: 3_600_000,
  }
  const webhooks = new WebhookStore(sql, config)
  const prefix = testPrefix()
  return {
    sql,
    databaseUrl,
    redis,
    payments: createPaymentStore(sql),
    webhooks,
    config,
    prefix,
    async startSender(options = {}) {
      const events: WebhooksEvent[] = []
      const sender = await startWebhookSender({
        sql,
        redis,
        config,
        prefix,
        intervalMs: 20,
        schedule: QUICK,
        ...options,
        onEvent(event) {
          events.push(event)
          options.onEvent?.(event)
        },
      })
      onTestFinished(() => sender.stop(0))
      return { ...sender, events }
    },
    async addEndpoint({ url }, given = {}) {
      const { endpoint, secret } = await webhooks.createEndpoint({
        url,
        eventTypes: ['payment.succeeded'],
        ...given,
      })
      onTestFinished(async () => {
        await webhooks.deleteEndpoint(endpoint.id)
      })
      return { ...endpoint, secret }
    },
  }
}
