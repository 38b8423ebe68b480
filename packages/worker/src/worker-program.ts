import { createWorkerMetrics } from '@titan/telemetry'
import { gatewaySettings, paymentsSettings, type GatewayPlan, type PaymentsConfig } from '@titan/payments'
import {
  createLog,
  EXIT,
  readVersion,
  runUntilStopped,
  tracingVariables,
  withTracing,
  type Program,
} from '@titan/service'
import { webhooksSettings, type WebhooksConfig } from '@titan/webhooks'
import { loadBeforeCharge } from './before-charge.ts'
import { checkStores } from './check.ts'
import { judgeWorker, startHealthServer, type HealthServer } from './health-server.ts'
import { startPaymentWorkers, type PaymentWorkers } from './payment-workers.ts'
import { workerSettings, type WorkerSettings } from './settings.ts'

const VERSION = readVersion(new URL('../package.json', import.meta.url))

/** The settings of other packages. */
interface SharedSettings {
  readonly config: PaymentsConfig
  readonly gateways: GatewayPlan
  /** Undefined without `WEBHOOK_ENCRYPTION_KEY`. */
  readonly webhooks: WebhooksConfig | undefined
}

/** The program titan-worker. */
export const workerProgram: Program<WorkerSettings, SharedSettings> = {
  name: 'titan-worker',
  version: VERSION,
  description: 'Charge queued payments at a payment gateway.',
  settings: workerSettings,
  groups: { config: paymentsSettings, gateways: gatewaySettings, webhooks: webhooksSettings },
  variables: [tracingVariables],
  async run(own, shared) {
    const log = createLog('titan-worker', own)
    const beforeCharge = own.beforeCharge === undefined ? undefined : await loadBeforeCharge(own.beforeCharge)
    const gateways = await shared.gateways.open()
    if (own.check) {
      const lines = await checkStores(shared.config, own, log)
      for (const line of [...lines, `Gateways: ${gateways.names.join(', ')}`])
        process.stdout.write(`${line}\n`)
      await gateways.close()
      return EXIT.ok
    }
    const webhooks = own.sendWebhooks ? shared.webhooks : undefined
    if (own.sendWebhooks && webhooks === undefined)
      log.info('webhooks.disabled', 'webhooks disabled, WEBHOOK_ENCRYPTION_KEY not set')
    let running: PaymentWorkers | undefined
    let health: HealthServer | undefined
    const { healthPort: port, healthHost: host } = own
    const judged = () =>
      (running?.health() ?? []).map((worker) => ({ ...worker, isDead: judgeWorker(worker) === 'dead' }))
    const metrics = port > 0 ? createWorkerMetrics(VERSION, judged) : undefined
    const service = {
      log,
      async start() {
        // It listens first, so that probes during the start learn that the workers are not ready.
        if (port > 0)
          health = await startHealthServer({ port, host, metrics: metrics?.registry, running: () => running })
        try {
          return (running = await startPaymentWorkers({
            ...own,
            config: shared.config,
            gateways,
            fleetLimits: gateways.fleetLimits,
            beforeCharge,
            webhooks,
            encryptionKeys: shared.webhooks?.encryptionKeys,
            metrics,
            log,
          }))
        } catch (error) {
          await health?.close()
          throw error
        }
      },
      announce() {
        const { consumer, group, workerCount, concurrency } = own
        process.stdout.write(
          `titan-worker ${consumer} of group ${group} is ready (${workerCount} × ${concurrency})\n`,
        )
      },
      async stop(workers: PaymentWorkers) {
        await workers.stop(own.graceMs)
        await health?.close()
      },
    }
    return withTracing({ service: 'titan-worker', version: VERSION, log }, () => runUntilStopped(service))
  },
}
