import { eventually } from '@titan/testkit'
import { expect } from 'vitest'
import { commandsOf, findMissingLine, type Commands } from '../../src/page.ts'
import { readRepository } from '../../src/repository.ts'
import { startShell, type Shell, type Stubs } from './shell.ts'

/** How long a page may take, in milliseconds. */
export const PAGE_MS = 600_000

/** Runs the commands of a page in order, and compares what they print with what the page shows. */
export async function runPage(
  page: string,
  env: Readonly<Record<string, string>> = {},
  stubs?: Stubs,
): Promise<void> {
  const shell = await startShell(env, stubs)
  try {
    for (const block of commandsOf(readRepository(page))) {
      if (block.mode === 'terminal') await begin(shell, block)
      else if (block.mode === 'run') await check(shell, block)
    }
  } finally {
    await shell.close()
  }
}

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
