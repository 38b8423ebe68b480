import { readdirSync } from 'node:fs'
import { createTestDatabase, eventually, testPrefix } from '@titan/local/testing'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { commandsOf, findMissingLine, type Commands } from '../src/page.ts'
import { readRepository, REPOSITORY } from '../src/repository.ts'
import { startShell, type Shell } from './support/shell.ts'

const PAGES = [
  'docs/tutorial.md',
  ...readdirSync(new URL('docs/how-to/', REPOSITORY)).map((file) => `docs/how-to/${file}`),
]

/** A block that goes on is on its way when it has printed what the page shows of it. */
async function begin(shell: Shell, { text, shown = [] }: Commands): Promise<void> {
  const terminal = shell.open(text)
  const lines = shown.map(shell.localize)
  await eventually(
    () => {
      const missing = findMissingLine(terminal.output(), lines)
      if (missing === undefined) return
      throw new Error(`ended: ${terminal.code()}, never printed: ${missing}\n${terminal.output()}`)
    },
    { timeoutMs: 120_000 },
  )
}

async function check(shell: Shell, { text, shown = [] }: Commands): Promise<void> {
  const { code, output } = await shell.run(text)
  const missing = findMissingLine(output, shown.map(shell.localize))
  expect({ code, missing }, `${text}\n\nprinted\n\n${output}`).toEqual({ code: 0, missing: undefined })
}

describe('the commands of', () => {
  it.each(PAGES)('%s do what the page says', { timeout: 600_000 }, async (page) => {
    const blocks = commandsOf(readRepository(page))
    const isSelfContained = blocks.some(({ text }) => text.includes('pnpm@12 start'))
    const database = isSelfContained ? undefined : await createTestDatabase(inject('databaseUrl'))
    onTestFinished(async () => database?.drop())
    const shell = await startShell(
      database === undefined
        ? {}
        : { DATABASE_URL: database.url, REDIS_URL: inject('redisUrl'), QUEUE_PREFIX: testPrefix() },
    )
    onTestFinished(() => shell.close())
    for (const block of blocks) {
      if (block.mode === 'terminal') await begin(shell, block)
      else if (block.mode === 'run') await check(shell, block)
    }
  })
})

describe('commands that are not run', () => {
  it('need Docker or root, and are as many as are known', () => {
    const pages = [...PAGES, 'docs/production.md', 'docs/README.md']
    const counts = pages.flatMap((page) => {
      const skipped = commandsOf(readRepository(page)).filter(
        ({ mode }) => mode === 'docker' || mode === 'root',
      )
      return skipped.length === 0 ? [] : [[page, skipped.length] as const]
    })
    expect(Object.fromEntries(counts)).toEqual({ 'docs/production.md': 2 })
  })
})
