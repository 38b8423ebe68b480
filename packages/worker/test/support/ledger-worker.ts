/**
 * A worker process whose gateway is the ledger server at LEDGER_URL. Everything but the gateway is the program's own.
 */
import { gatewaysOf, loadPaymentsConfig, type Gateway } from '@titan/payments'
import { startPaymentWorkers } from '../../src/index.ts'
import { createLog, runUntilStopped } from '@titan/service'

const config = loadPaymentsConfig(process.env)
const log = createLog('ledger-worker', { logLevel: 'debug', logFormat: 'json' })

const gateway: Gateway = {
  name: 'ledger',
  keyTtlMs: 86_400_000,
  async charge({ gatewayKey: key, paymentId, amount, currency }, { signal }) {
    const body = JSON.stringify({ key, paymentId, amount, currency })
    const response = await fetch(process.env['LEDGER_URL'] ?? '', { method: 'POST', body, signal })
    const charge = (await response.json()) as { id: string; amount: number; currency: string }
    return { type: 'SUCCEEDED', gatewayRef: charge.id, amount: charge.amount, currency: charge.currency }
  },
}

process.exitCode = await runUntilStopped({
  log,
  start: () =>
    startPaymentWorkers({
      config,
      gateways: gatewaysOf([gateway]),
      log,
      group: 'workers',
      consumer: process.env['WORKER_CONSUMER'] ?? 'c',
      workerCount: 1,
      concurrency: 8,
      visibilityTimeoutMs: 1_000,
      relay: true,
      reconcile: true,
      books: false,
      migrate: false,
      connectTimeoutMs: 10_000,
    }),
  announce: () => process.stdout.write('ready\n'),
  stop: (workers) => workers.stop(5_000),
})
