import { readCommandLine, sectionsOf } from '@titan/service'
import { expect, it } from 'vitest'
import { variablesIn, variablesRead } from './support/variables.ts'
import { apiProgram, titanCommands, workerProgram } from '../src/programs.ts'
import { readRepository } from '../src/repository.ts'

const page = readRepository('docs/high-availability.md')
/** Settings that the page names, with the value that it gives them. */
const named = [...page.matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?:=([^`]*))?`/g)].map(([, name = '', value]) => ({
  name,
  value,
}))

it('names settings that the programs have', () => {
  const known = new Set([
    // Of Node itself.
    'NODE_EXTRA_CA_CERTS',
    ...variablesRead(apiProgram),
    ...variablesRead(workerProgram),
    ...titanCommands.flatMap((command) => variablesIn(sectionsOf(command))),
  ])
  expect(named.length).toBeGreaterThan(5)
  expect(named.map(({ name }) => name).filter((name) => !known.has(name))).toEqual([])
})

it('shows values that the programs take', () => {
  const shown = named.filter(({ value }) => value !== undefined)
  const stores = { DATABASE_URL: 'postgres://127.0.0.1/titan', REDIS_URL: 'redis://127.0.0.1' }
  expect(shown.length).toBeGreaterThan(2)
  for (const { name, value } of shown)
    expect(readCommandLine(apiProgram, [], { ...stores, [name]: value }), value).not.toHaveProperty('faults')
})

it('names commands that titan has', () => {
  const commands = titanCommands.map(({ name }) => name)
  for (const [, name = ''] of page.matchAll(/`(titan [a-z]+)`/g)) expect(commands).toContain(name)
})
