import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MUTANTS } from '../src/mutants/mutants.ts'

const root = new URL('../../../', import.meta.url)

test('each planted bug of `pnpm mutants` still fits the source', () => {
  const edits = MUTANTS.flatMap(({ edits: all }) => all)
  const lost = edits.filter(({ file, from, to }) => {
    const text = readFileSync(new URL(file, root), 'utf8')
    return from === to || text.split(from).length !== 2
  })
  expect(lost).toEqual([])
})
