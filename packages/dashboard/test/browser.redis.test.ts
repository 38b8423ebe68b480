import { afterAll, describe, expect, inject, test } from 'vitest'
import type { Page } from 'playwright-core'
import { eventually } from '@titan/testkit'
import { findChromium, launchBrowser } from '@titan/testkit/browser'
import { ADMIN_TOKEN, openRig } from './support/rig.ts'
import { accept, bury } from './support/traffic.ts'

// In CI a browser must be there: without one these tests fail instead of being skipped.
const canRun = findChromium() !== undefined || process.env['CI'] === 'true'
if (!canRun)
  console.warn('The dashboard is not tested in a browser: install Chromium, or name one in CHROMIUM')

describe.skipIf(!canRun)('in Chromium', async () => {
  if (!canRun) return
  const rig = await openRig({
    databaseUrl: inject('databaseUrl'),
    redisUrl: inject('redisUrl'),
    sampleIntervalMs: 200,
  })
  const browser = await launchBrowser()
  afterAll(async () => {
    await browser.close()
    await rig.close()
  })

  async function open(
    path: string,
    look: Parameters<typeof browser.newContext>[0] = {},
  ): Promise<{ readonly page: Page; readonly faults: string[] }> {
    const page = await (await browser.newContext(look)).newPage()
    const faults: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text())
    })
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('request', (request) => {
      if (!request.url().startsWith(rig.url)) faults.push(request.url())
    })
    await page.goto(`${rig.url}/dashboard${path}`)
    return { page, faults }
  }

  test('the overview loads without a fault, draws its charts and refreshes itself', async () => {
    const { page, faults } = await open('')
    await page.locator('#connection[data-state=live]').waitFor()
    await page.locator('#chart-depth .u-wrap').waitFor()
    // Without a cursor the legend shows the last point.
    const [, ready] = await page.locator('#chart-depth .u-value').allTextContents()
    expect(ready).toBe('0')
    await accept(rig, crypto.randomUUID())
    await page.locator('#total-PENDING .figure', { hasText: /^1$/ }).waitFor()
    expect(faults).toEqual([])
    await page.context().close()
  })

  test('a request for points that gets no response is given up, and made again', async () => {
    const page = await (await browser.newContext()).newPage()
    let requests = 0
    await page.route('**/series?*', async (route) => {
      requests += 1
      if (requests > 1) await route.continue()
    })
    await page.goto(`${rig.url}/dashboard`)
    await page.locator('#chart-depth .u-wrap').waitFor()
    await page.context().close()
  }, 60_000)

  test('a lost connection is told, and its return', async () => {
    const { page } = await open('')
    await page.context().setOffline(true)
    await page.locator('#connection[data-state=reconnecting]').waitFor()
    await page.context().setOffline(false)
    await page.locator('#connection[data-state=live]').waitFor()
    await page.context().close()
  })

  test('somebody who signs in redrives a dead letter', async () => {
    const payment = await accept(rig, 'to-redrive')
    await bury(rig, [{ paymentId: payment.id, error: 'boom' }])
    const { page, faults } = await open('/sign-in')
    await page.getByLabel('Your name').fill('Ada')
    await page.getByLabel('Admin token').fill(ADMIN_TOKEN)
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Dead letters', exact: false }).first().click()
    await page.getByRole('button', { name: /^Redrive \d/ }).click()
    await page.getByText('No dead letters').waitFor()
    await eventually(async () => (await rig.queue.stats()).dead === 0)
    await page.getByRole('link', { name: 'Audit' }).click()
    await page.getByText('dead-letter.redrive').waitFor()
    expect(faults).toEqual([])
    await page.context().close()
  })

  test('its colours follow the system and can be chosen', async () => {
    const { page } = await open('', { colorScheme: 'dark' })
    const background = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor')
    const dark = await background()
    await page.getByRole('button', { name: /colours/ }).click()
    await eventually(async () => (await background()) !== dark)
    await page.reload()
    expect(await background()).not.toBe(dark)
    await page.context().close()
  })

  test('nothing is wider than a phone', async () => {
    for (const path of ['', '/payments', '/reviews', '/dead-letters', '/workers', '/audit', '/sign-in']) {
      const { page } = await open(path, { viewport: { width: 360, height: 740 }, isMobile: true })
      expect(await page.evaluate('document.documentElement.scrollWidth'), path).toBeLessThanOrEqual(360)
      await page.context().close()
    }
    // Seven pages, each in a fresh context.
  }, 120_000)

  test('the keyboard reaches the content first, and its focus is seen', async () => {
    const { page } = await open('/payments')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.name')).toBe('q')
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')
    await page.context().close()
  })
})
