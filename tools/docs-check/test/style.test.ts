import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { readRepository, REPOSITORY } from '../src/repository.ts'
import { findAvoided, proseOf, stringsOf } from '../src/style.ts'

const files = execFileSync('git', ['ls-files'], { cwd: fileURLToPath(REPOSITORY), encoding: 'utf8' })
  .split('\n')
  // The list of avoided phrases itself.
  .filter((file) => file !== 'tools/docs-check/src/style.ts')

const isMarkdown = (file: string): boolean => file.endsWith('.md')
const isSource = (file: string): boolean => /^(packages|tools)\/[\w-]+\/src\/.*\.ts$/.test(file)

it('finds avoided phrases in strings and pages, not in code and comments', () => {
  const source = "// somebody\nconst whoever = `a ${f({ a: 'job given back' })} goes on ${x} anew`"
  expect(stringsOf(source).flatMap(findAvoided)).toHaveLength(3)
  expect(findAvoided(proseOf('Told: it goes\non.\n\n```\nanew\n```\n'))).toEqual(['Told: it goes on.'])
})

it.each(files.filter(isMarkdown))('%s reads as a native engineer would write it', (file) => {
  expect(findAvoided(proseOf(readRepository(file)))).toEqual([])
})

it('strings of the programs read as a native engineer would write them', () => {
  const found = files
    .filter(isSource)
    .map((file) => [file, stringsOf(readRepository(file)).flatMap(findAvoided)] as const)
    .filter(([, phrases]) => phrases.length > 0)
  expect(Object.fromEntries(found)).toEqual({})
})
