import { hostname } from 'node:os'
import { createWorkerMetrics, type ObservedWorker } from '@titan/telemetry'
import { gatewaySettings, paymentsSettings, type Gateway, type PaymentsConfig } from '@titan/payments'
import { webhooksSettings, type WebhooksConfig } from '@titan/webhooks'
import { checkStores } from './check.ts'
import { judgeWorker, startHealthServer, type HealthServer } from './health-server.ts'
import { startPaymentWorkers, type PaymentWorkers, type PaymentWorkersOptions } from './payment-workers.ts'
import {
  createLog,
  EXIT,
  healthSettings,
  logSettings,
  milliseconds,
  readVersion,
  runUntilStopped,
  text,
  toggle,
  tracingVariables,
  wholeNumber,
  withTracing,
  type HealthSettings,
  type LogSettings,
  type Program,
  type Service,
  type SettingsTable,
} from '@titan/service'

/** The settings that only the worker has. */
export interface WorkerSettings
  extends Omit<PaymentWorkersOptions, keyof SharedSettings | 'log' | 'metrics'>, LogSettings, HealthSettings {
  readonly sendWebhooks: boolean
  readonly graceMs: number
  readonly check: boolean
}

/** The settings of other packages. */
export interface SharedSettings {
  readonly config: PaymentsConfig
  readonly gateway: Gateway
  /** Undefined without `WEBHOOK_ENCRYPTION_KEY`. */
  readonly webhooks: WebhooksConfig | undefined
}

const HOUR = 3_600_000
const NAME = { form: /^[\w.:-]{1,100}$/, rule: '1 to 100 letters, digits or . : - _' }

const HOST_NAME = hostname().replaceAll(/[^\w.:-]/g, '-')

const VERSION = readVersion(new URL('../package.json', import.meta.url))

const settings: SettingsTable<WorkerSettings> = {
  group: text(
    { flag: 'group', env: 'WORKER_GROUP', about: 'Consumer group. All workers of a queue share one.' },
    { ...NAME, fallback: 'workers' },
  ),
  consumer: text(
    {
      flag: 'consumer',
      env: 'WORKER_CONSUMER',
      about: 'Name of this worker.',
      shown: 'host name and process id',
    },
    { ...NAME, fallback: `${HOST_NAME.slice(0, 80)}-${process.pid}` },
  ),
  workerCount: wholeNumber(
    { flag: 'workers', env: 'WORKER_COUNT', about: 'Number of workers in this process.' },
    { fallback: 1, min: 1, max: 100 },
  ),
  concurrency: wholeNumber(
    {
      flag: 'concurrency',
      env: 'WORKER_CONCURRENCY',
      about: 'Maximum number of payments in flight in each worker.',
    },
    { fallback: 16, min: 1, max: 10_000 },
  ),
  visibilityTimeoutMs: milliseconds(
    {
      flag: 'visibility-timeout-ms',
      env: 'VISIBILITY_TIMEOUT_MS',
      alsoEnv: ['VISIBILITY_TIMEOUT'],
      about: 'Age of a lease at which the job of an unresponsive worker is reclaimed.',
    },
    { fallback: 30_000, min: 100, max: 24 * HOUR },
  ),
  relay: toggle({ flag: 'relay', env: 'WORKER_RELAY', about: 'Enqueue PENDING payments.' }, true),
  reconcile: toggle(
    { flag: 'reconcile', env: 'WORKER_RECONCILE', about: 'Enqueue payments again whose job is lost.' },
    true,
  ),
  sendWebhooks: toggle(
    {
      flag: 'webhooks',
      env: 'WORKER_WEBHOOKS',
      about: 'Send outgoing webhooks. Requires WEBHOOK_ENCRYPTION_KEY.',
    },
    true,
  ),
  migrate: toggle({ flag: 'migrate', env: 'MIGRATE', about: 'Apply missing migrations at startup.' }, true),
  connectTimeoutMs: milliseconds(
    {
      flag: 'connect-timeout-ms',
      env: 'CONNECT_TIMEOUT_MS',
      about: 'Time to keep trying to reach PostgreSQL and Redis at startup.',
    },
    { fallback: 10_000, min: 0, max: HOUR },
  ),
  graceMs: milliseconds(
    {
      flag: 'grace-ms',
      env: 'SHUTDOWN_GRACE_MS',
      about: 'Time for payments in flight to finish after a stop signal.',
    },
    { fallback: 10_000, min: 0, max: HOUR },
  ),
  ...healthSettings,
  check: toggle(
    { flag: 'check', env: 'WORKER_CHECK', about: 'Check configuration and connections, then exit.' },
    false,
  ),
  ...logSettings,
}

/** The program titan-worker. */
export const workerProgram: Program<WorkerSettings, SharedSettings> = {
  name: 'titan-worker',
  version: VERSION,
  description: 'Charge queued payments at a payment gateway.',
  settings,
  groups: { config: paymentsSettings, gateway: gatewaySettings, webhooks: webhooksSettings },
  variables: [tracingVariables],
  run: async (
    { check, graceMs, logLevel, logFormat, sendWebhooks, healthPort, healthHost, ...own },
    shared,
  ) => {
    const log = createLog('titan-worker', { logLevel, logFormat })
    if (check) {
      for (const line of await checkStores(shared.config, own, log)) process.stdout.write(`${line}\n`)
      return EXIT.ok
    }
    const webhooks = sendWebhooks ? shared.webhooks : undefined
    if (sendWebhooks && webhooks === undefined)
      log.info('webhooks.disabled', 'webhooks disabled, WEBHOOK_ENCRYPTION_KEY not set')
    let running: PaymentWorkers | undefined
    let health: HealthServer | undefined
    const observed = (): ObservedWorker[] =>
      (running?.health() ?? []).map(({ queue, ...health }) => ({
        queue,
        health,
        isDead: judgeWorker(health) === 'dead',
      }))
    const metrics = healthPort > 0 ? createWorkerMetrics(VERSION, observed) : undefined
    const ping = async (): Promise<unknown> => running?.ping()
    const service: Service<PaymentWorkers> = {
      log,
      async start() {
        // It listens first, so that probes during the start learn that the workers are not ready.
        if (healthPort > 0)
          health = await startHealthServer({
            port: healthPort,
            host: healthHost,
            metrics: metrics?.registry,
            workers: () => running?.health(),
            database: ping,
          })
        try {
          running = await startPaymentWorkers({ ...own, ...shared, webhooks, metrics, log })
        } catch (error) {
          await health?.close()
          throw error
        }
        return running
      },
      announce: () => {
        const { consumer, group, workerCount } = own
        process.stdout.write(
          `titan-worker ${consumer} of group ${group} is ready (${workerCount} × ${own.concurrency})\n`,
        )
      },
      async stop(workers) {
        await workers.stop(graceMs)
        await health?.close()
      },
    }
    return withTracing({ service: 'titan-worker', version: VERSION, log }, () => runUntilStopped(service))
  },
}
