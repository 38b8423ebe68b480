import { killSpawned, spawnProgram, testPrefix } from '@titan/testkit'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { afterAll, afterEach, describe, expect, inject, test } from 'vitest'
import { findChromium, launchBrowser } from '@titan/testkit/browser'
import { readLedger } from '../src/index.ts'
import { startSimulator } from './support/rig.ts'

// In CI a browser must be there: without one these tests fail instead of being skipped.
const canRun = findChromium() !== undefined || process.env['CI'] === 'true'
if (!canRun) console.warn('The checkout is not tested: install Chromium, or name one in CHROMIUM')

describe.skipIf(!canRun)('the checkout demo in Chromium', async () => {
  if (!canRun) return
  const { url: databaseUrl } = await createMigratedDatabase()
  const browser = await launchBrowser()
  afterAll(() => browser.close())
  // A worker of the test before would ask a simulator that is gone.
  afterEach(() => killSpawned())
  const secret = 'whsec_checkoutdemo'
  const env = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: inject('redisUrl'),
    QUEUE_PREFIX: testPrefix(),
    GATEWAY: 'stripe',
    STRIPE_SECRET_KEY: 'sk_test_demo',
    STRIPE_WEBHOOK_SECRET: secret,
  }

  test.each([
    ['Complete authentication', 'SUCCESS', 4_200],
    ['Fail authentication', 'FAILED', undefined],
  ])('%s: the payment ends in %s', { timeout: 180_000 }, async (answer, status, charged) => {
    const api = spawnProgram('api', ['--port', '0'], env)
    const [, apiUrl = ''] = await api.waitFor(/listens on (http:\/\/\S+)/)
    const webhook = { url: `${apiUrl}/gateway-webhooks/stripe`, secret }
    const simulator = await startSimulator({ webhook, titan: { url: apiUrl } })
    spawnProgram('worker', [], { ...env, STRIPE_API_BASE: simulator.url })

    const page = await (await browser.newContext()).newPage()
    await page.goto(`${simulator.url}/checkout-demo`)
    await page.getByRole('button', { name: 'Pay' }).click()
    await page.getByText('do you pay $42.00?').waitFor({ timeout: 60_000 })
    expect(new URL(page.url()).pathname).toMatch(/^\/3ds\/pi_/)
    await page.getByRole('button', { name: answer }).click()
    await page.waitForURL(/\/checkout-demo\?/)
    await page.locator('#status', { hasText: status }).waitFor({ timeout: 60_000 })
    const { charges } = await readLedger(simulator.ledgerPath)
    expect(charges.map(({ amount }) => amount)).toEqual(charged === undefined ? [] : [charged])
    await page.context().close()
  })
})

test('the shop takes no form of another site', async () => {
  const simulator = await startSimulator({ titan: { url: 'http://127.0.0.1:1' } })
  const response = await fetch(`${simulator.url}/checkout-demo/payments`, { method: 'POST', body: '{}' })
  expect(response.status).toBe(415)
})

test('without an address of Titan there is no shop', async () => {
  const { url } = await startSimulator()
  expect((await fetch(`${url}/checkout-demo`)).status).toBe(404)
})
