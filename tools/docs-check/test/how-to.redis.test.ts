import { readdirSync } from 'node:fs'
import { createTestDatabase, testPrefix } from '@titan/testkit'
import { expect, inject, it, onTestFinished } from 'vitest'
import { runTitan } from '../../../packages/cli/src/commands.ts'
import { commandsOf } from '../src/page.ts'
import { readRepository, REPOSITORY } from '../src/repository.ts'
import { PAGE_MS, runPage } from './support/run-page.ts'
import { stripeStubs } from './support/stripe-stubs.ts'

const PAGES = readdirSync(new URL('docs/how-to/', REPOSITORY)).map((file) => `docs/how-to/${file}`)

// F270 each how-to next to a running `start`, with nothing in the environment: every command does what the
//  page says
it.each(PAGES)('the commands of %s do what it says', { timeout: PAGE_MS }, async (page) => {
  const text = readRepository(page)
  // A page that starts everything itself is given no servers.
  if (text.includes('npx --yes pnpm@12 start\n'))
    return runPage(page, {}, text.includes('stripe listen') ? await stripeStubs() : undefined)
  const database = await createTestDatabase(inject('databaseUrl'))
  onTestFinished(() => database.drop())
  const servers = { DATABASE_URL: database.url, REDIS_URL: inject('redisUrl'), QUEUE_PREFIX: testPrefix() }
  // As `start` leaves its database.
  expect(await runTitan(['migrate'], servers)).toBe(0)
  return runPage(page, servers)
})

it('commands that are not run need Docker or root, and are as many as are known', () => {
  const counts = [...PAGES, 'docs/production.md', 'docs/README.md'].flatMap((page) => {
    const skipped = commandsOf(readRepository(page)).filter(
      ({ mode }) => mode === 'docker' || mode === 'root',
    )
    return skipped.length === 0 ? [] : [[page, skipped.length] as const]
  })
  expect(Object.fromEntries(counts)).toEqual({ 'docs/production.md': 2 })
})
