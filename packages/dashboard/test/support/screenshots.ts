// Draws the pictures of the documentation, on separate servers:
//   pnpm --filter @titan/dashboard run screenshots
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { providePostgres, provideRedis } from '@titan/servers'
import { launchBrowser } from '@titan/testkit/browser'
import { ADMIN_TOKEN, openRig } from './rig.ts'
import { accept, bury, park, startTraffic } from './traffic.ts'

const SHOPS = ['lumen', 'harbor', 'acorn', 'tidal'] as const
const PAYMENTS = 420

const [folder = 'docs/images'] = process.argv.slice(2)
const [postgres, redis] = await Promise.all([providePostgres(), provideRedis()])
const rig = await openRig({ databaseUrl: postgres.url, redisUrl: redis.url, sampleIntervalMs: 1_000 })
const browser = await launchBrowser()
try {
  for (const [index, amount] of [129_900, 4_250, 18_000].entries())
    await park(rig, `tidal-order-9${index}42`, amount)
  const dead = await Promise.all(
    [1, 2, 3, 4, 5].map((number) => accept(rig, `acorn-refill-${number}`, number * 990)),
  )
  await bury(
    rig,
    dead.map(({ id }, index) => ({
      paymentId: id,
      error:
        index % 2 === 0 ? 'connect ECONNREFUSED 10.0.4.12:5432' : 'canceling statement due to lock timeout',
    })),
  )
  const traffic = await startTraffic(rig, { delayMs: 350, concurrency: 4 })
  for (let number = 1; number <= PAYMENTS; number += 1) {
    const shop = SHOPS[number % SHOPS.length] ?? 'lumen'
    const wave = 1 + Math.sin(number / 40)
    await accept(rig, `${shop}-order-${10_000 + number}`, 350 + ((number * 7_919) % 48_000))
    await pause(45 + 70 * wave)
  }
  const shoot = async (
    name: string,
    path: string,
    look: Parameters<typeof browser.newContext>[0],
  ): Promise<void> => {
    const context = await browser.newContext({ deviceScaleFactor: 1, ...look })
    const page = await context.newPage()
    await page.goto(`${rig.url}/dashboard/sign-in`)
    await page.getByLabel('Your name').fill('Ada')
    await page.getByLabel('Admin token').fill(ADMIN_TOKEN)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.goto(`${rig.url}/dashboard${path}`)
    if (path === '') await page.locator('.u-wrap').nth(2).waitFor()
    await pause(300)
    await page.screenshot({ path: join(folder, `${name}.png`) })
    await context.close()
  }
  const wide = { viewport: { width: 1280, height: 900 } }
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }
  const [parked] = (await rig.store.page({ needsReview: true, limit: 1 })).payments
  await shoot('dashboard', '', wide)
  await shoot('dashboard-dark', '', { ...wide, colorScheme: 'dark' })
  await shoot('dashboard-phone', '', phone)
  if (process.env['ALL_PAGES'] !== undefined) {
    for (const path of [
      '/payments',
      '/reviews',
      '/dead-letters',
      '/workers',
      '/audit',
      `/payments/${parked?.id}`,
    ]) {
      await shoot(`page${path.replaceAll('/', '-').slice(0, 14)}`, path, wide)
      await shoot(`phone${path.replaceAll('/', '-').slice(0, 14)}`, path, { ...phone, colorScheme: 'dark' })
    }
  }
  await traffic.stop()
} finally {
  await browser.close()
  await rig.close()
  await Promise.all([postgres.stop(), redis.stop()])
}
