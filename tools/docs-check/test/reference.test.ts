import { expect, it } from 'vitest'
import { cliReference } from '../src/cli-reference.ts'
import { sectionsOf } from '@titan/service'
import { apiProgram, titanCommands, workerProgram } from '../src/programs.ts'
import { readRepository } from '../src/repository.ts'

it('the reference of the command lines is what the programs read; `pnpm run reference` writes it', () => {
  expect(readRepository('docs/reference/cli.md')).toBe(cliReference())
  for (const { words } of titanCommands) expect(cliReference()).toContain(`\n## titan ${words}\n`)
})

it('help texts begin with a capital or a number and end with a full stop', () => {
  const programs = [
    { ...apiProgram, sections: sectionsOf(apiProgram) },
    { ...workerProgram, sections: sectionsOf(workerProgram) },
    ...titanCommands,
  ]
  const texts = [
    ...titanCommands.map(({ about }) => about),
    ...programs.flatMap(({ description, sections }) => [
      description,
      ...sections.flatMap(({ settings }) => settings.map(({ about }) => about)),
    ]),
  ]
  expect(texts.filter((text) => !/^[A-Z\d].*\.$/.test(text))).toEqual([])
})
