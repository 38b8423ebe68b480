import { expect, it } from 'vitest'
import { cliReference } from '../src/cli-reference.ts'
import { titanCommands } from '../src/programs.ts'
import { readRepository } from '../src/repository.ts'

it('the reference of the command lines is what the programs read; `pnpm run reference` writes it', () => {
  expect(readRepository('docs/reference/cli.md')).toBe(cliReference())
  for (const { words } of titanCommands) expect(cliReference()).toContain(`\n## titan ${words}\n`)
})
