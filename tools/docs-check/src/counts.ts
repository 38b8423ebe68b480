// Counts the repository and compares it with the goals below: `pnpm run counts`. Ends with code 1 when one is exceeded.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CLIENT_TYPES, readRepository, REPOSITORY } from './repository.ts'

/** A fifth less than the 47,260 lines of commit 9ef1489, counted the same way. */
const SOURCE_LINES_GOAL = 37_800
const MARKDOWN_WORDS_GOAL = 30_000
const FUNCTION_LINES = 70
const LARGEST_PAGES = 12

const cwd = fileURLToPath(REPOSITORY)
const files = execFileSync('git', ['ls-files'], { cwd, encoding: 'utf8' }).split('\n')
const write = (count: number, what: string) =>
  console.log(`${count.toLocaleString('en').padStart(8)}  ${what}`)

/** Counts lines of code by package, and returns their sum. */
function countCode(isTest: boolean) {
  const packages = new Map<string, number>()
  for (const file of files) {
    const [name] = /^(?:(?:packages|tools)\/[\w-]+|examples)(?=\/)/.exec(file) ?? []
    if (
      name === undefined ||
      file === CLIENT_TYPES ||
      !/\.(ts|lua|sql|css|js)$/.test(file) ||
      file.includes('/test/') !== isTest
    )
      continue
    packages.set(name, (packages.get(name) ?? 0) + readRepository(file).split('\n').length - 1)
  }
  for (const [name, lines] of packages) write(lines, name)
  return [...packages.values()].reduce((sum, lines) => sum + lines, 0)
}

/** Counts words of Markdown, the generated reference included, and returns their sum. */
function countMarkdown() {
  const pages = files
    .filter((file) => file.endsWith('.md'))
    .map((file) => ({ file, words: readRepository(file).match(/\S+/g)?.length ?? 0 }))
    .toSorted((a, b) => b.words - a.words)
  for (const { file, words } of pages.slice(0, LARGEST_PAGES)) write(words, file)
  return pages.reduce((sum, { words }) => sum + words, 0)
}

/** Returns the functions that are too long, one line each; blank lines, comments and tests do not count. */
function findLongFunctions() {
  const folder = mkdtempSync(join(tmpdir(), 'titan-counts-'))
  const config = join(folder, 'oxlint.json')
  const limit = ['error', { max: FUNCTION_LINES, skipBlankLines: true, skipComments: true }]
  const rules = { categories: { correctness: 'off' }, rules: { 'max-lines-per-function': limit } }
  writeFileSync(config, JSON.stringify(rules))
  try {
    const args = ['--format=unix', '-c', config, 'packages', 'tools']
    const { stdout, error } = spawnSync('oxlint', args, { cwd, encoding: 'utf8' })
    if (error !== undefined) throw error
    return stdout.split('\n').flatMap((line) => {
      const [, place, lines] = /^(\S+?): .* too many lines \((\d+)\)/.exec(line) ?? []
      return place === undefined || place.includes('/test/') ? [] : `${lines?.padStart(8)}  ${place}`
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function compare(count: number, goal: number, what: string) {
  const isMet = count <= goal
  write(count, `${what}: goal ${goal.toLocaleString('en')}, ${isMet ? 'met' : `exceeded by ${count - goal}`}`)
  if (!isMet) process.exitCode = 1
}

console.log('Source lines')
const sourceLines = countCode(false)
console.log('\nTest lines')
const testLines = countCode(true)
console.log('\nWords in the largest pages')
const words = countMarkdown()
console.log(`\nFunctions of more than ${FUNCTION_LINES} lines`)
const longFunctions = findLongFunctions()
for (const line of longFunctions) console.log(line)

console.log('\nTotal')
compare(sourceLines, SOURCE_LINES_GOAL, 'source lines')
write(testLines, 'test lines')
compare(words, MARKDOWN_WORDS_GOAL, 'words of Markdown')
write(longFunctions.length, `functions of more than ${FUNCTION_LINES} lines`)
