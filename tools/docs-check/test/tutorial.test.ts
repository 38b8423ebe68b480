import { expect, it } from 'vitest'
import { commandsOf } from '../src/page.ts'
import { readRepository } from '../src/repository.ts'
import { PAGE_MS, runPage } from './support/run-page.ts'

const TUTORIAL = 'docs/tutorial.md'

it(
  'the commands of the tutorial do what it says, on servers that they start',
  { timeout: PAGE_MS },
  async () => {
    await runPage(TUTORIAL)
  },
)

it('every command of the tutorial is run', () => {
  const modes = new Set(commandsOf(readRepository(TUTORIAL)).map(({ mode }) => mode))
  expect(modes).toEqual(new Set(['terminal', 'run']))
})
