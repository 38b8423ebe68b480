import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findChromium, launchBrowser } from '@titan/testkit/browser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build } from 'vitepress'
import { siteLink } from '../src/links.ts'

const site = fileURLToPath(new URL('..', import.meta.url))
const root = fileURLToPath(new URL('../../..', import.meta.url))

test.each([
  ['faults.md#kills', 'docs/README.md', 'faults.md#kills'],
  ['../packages/queue-core/README.md', 'docs/README.md', '../packages/queue-core/index.md'],
  ['packages/api', 'README.md', 'packages/api/index.md'],
  ['../sql', 'docs/README.md', 'https://github.com/titan-queue/titan-queue/blob/main/sql'],
  ['https://redis.io', 'README.md', 'https://redis.io'],
  ['#start', 'README.md', '#start'],
])('%s in %s leads to %s', (href, page, expected) => {
  expect(siteLink(href, page, root)).toBe(expected)
})

// In CI a browser must be there: without one these tests fail instead of being skipped.
const canRun = findChromium() !== undefined || process.env['CI'] === 'true'

describe.skipIf(!canRun)('the site', () => {
  const folder = mkdtempSync(join(tmpdir(), 'titan-site-'))
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const file = pathname.endsWith('/')
      ? `${pathname}index.html`
      : extname(pathname) === ''
        ? `${pathname}.html`
        : pathname
    try {
      const body = readFileSync(join(folder, file))
      response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream')
      response.end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  let url = ''

  // A link to nowhere ends the build.
  beforeAll(async () => {
    await build(site, { outDir: folder })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }, 300_000)
  afterAll(() => {
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('is searched, read on a phone, and asks no other host', async () => {
    const browser = await launchBrowser()
    try {
      const page = await (await browser.newContext({ viewport: { width: 390, height: 800 } })).newPage()
      const faults: string[] = []
      page.on('pageerror', (error) => faults.push(error.message))
      page.on('request', (request) => {
        if (!request.url().startsWith(url)) faults.push(request.url())
      })
      for (const path of ['/', '/docs/tutorial', '/docs/how-to/receive-webhooks', '/packages/queue-core/']) {
        await page.goto(url + path)
        await page.locator('h1').first().waitFor()
        const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
        expect(await page.evaluate(overflow), path).toBe(0)
      }
      await page.getByRole('button', { name: 'Search' }).first().click()
      await page.locator('#localsearch-input').fill('dead letters')
      await page.getByRole('option').first().waitFor()
      expect(await page.getByRole('option').allTextContents()).toEqual(
        expect.arrayContaining([expect.stringContaining('Redrive')]),
      )
      expect(faults).toEqual([])
    } finally {
      await browser.close()
    }
  })

  test('names every page for programs', () => {
    const text = readFileSync(join(folder, 'llms.txt'), 'utf8')
    const links = [...text.matchAll(/\]\((\/[^)]+\.md)\)/gu)].map(([, link = '']) => link)
    expect(links).toEqual(expect.arrayContaining(['/docs/tutorial.md', '/packages/queue-core.md']))
    for (const link of links) expect(readFileSync(join(folder, link), 'utf8').length, link).toBeGreaterThan(0)
  })
})

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}
