import { randomBytes } from 'node:crypto'
import { dashboardSettings } from '@titan/dashboard'
import { createPaymentStore, DEFAULT_RETRY_POLICY, loadPaymentsConfig, openDatabase } from '@titan/payments'
import { createLog, createRedis } from '@titan/service'
import { WebhookStore } from '@titan/webhooks'
import { expect, test } from 'vitest'
import { createApp } from '../src/app.ts'
import { openDashboard } from '../src/dashboard.ts'

const log = createLog('test', { logLevel: 'silent', logFormat: 'json' })
/** Nothing here asks a server. */
const config = loadPaymentsConfig({
  DATABASE_URL: 'postgres://127.0.0.1:1/none',
  REDIS_URL: 'redis://127.0.0.1:1',
})
const sql = openDatabase(config.databaseUrl)
const redis = createRedis(config.redisUrl, log)
const settings = dashboardSettings.read({ environment: {} })
const options = {
  config,
  dashboard: settings,
  gateways: { lookUp: undefined, unmovable: [] },
  log,
  trustedProxies: 0,
}
const dashboard = openDashboard(options, redis.client, undefined)
const app = createApp({
  payments: createPaymentStore(sql),
  relay: { nudge: () => {} },
  gatewayWebhooks: { gateways: [], policy: DEFAULT_RETRY_POLICY },
  dashboard: dashboard.app,
  webhooks: new WebhookStore(sql, { encryptionKeys: [randomBytes(32)] }),
  probes: { postgres: () => Promise.resolve(), redis: () => true, isDraining: () => false },
  log,
})

test('no route costs all others the fast router', async () => {
  await app.request('/healthz')
  expect(app.router.name).toBe('SmartRouter + RegExpRouter')
})

test('what a page says of itself is left alone', async () => {
  const { headers } = await app.request('/dashboard/sign-in')
  expect(headers.get('x-frame-options')).toBe('DENY')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  redis.close()
})
