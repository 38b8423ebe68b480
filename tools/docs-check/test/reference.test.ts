import { expect, it } from 'vitest'
import { clientTypes } from '../src/client-types.ts'
import { cliReference, describedPrograms } from '../src/cli-reference.ts'
import { titanCommands } from '../src/programs.ts'
import { CLIENT_TYPES, readRepository } from '../src/repository.ts'

it('the reference of the command lines is what the programs read; `pnpm run reference` writes it', () => {
  expect(readRepository('docs/reference/cli.md')).toBe(cliReference())
  for (const { name } of titanCommands) expect(cliReference()).toContain(`\n## ${name}\n`)
  // Every list of settings has a heading or names, and every link its target.
  expect(cliReference()).not.toMatch(/^:$|: [.,]|\(#[^)]* /m)
})

it('the types of the client are those of the OpenAPI document; `pnpm run reference` writes them', async () => {
  expect(readRepository(CLIENT_TYPES)).toBe(await clientTypes())
})

it('help texts begin with a capital or a number and end with a full stop', () => {
  const texts = describedPrograms().flatMap(({ description, sections }) => [
    description,
    ...sections.flatMap(({ settings }) => settings.map(({ about }) => about)),
  ])
  expect(texts.filter((text) => !/^[A-Z\d].*\.$/.test(text))).toEqual([])
})
