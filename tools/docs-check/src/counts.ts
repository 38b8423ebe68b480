// Counts the repository and compares it with the goals below: `pnpm run counts`. Ends with code 1 when one is exceeded.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { REPOSITORY } from './repository.ts'

/** A fifth less than the 47,260 lines of commit 9ef1489, counted the same way. */
const SOURCE_LINES_GOAL = 37_800
const MARKDOWN_WORDS_GOAL = 30_000
const FUNCTION_LINES = 70
const LARGEST_PAGES = 12

const root = fileURLToPath(REPOSITORY)
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const lineCount = (file: string): number => read(file).split('\n').length - 1
const wordCount = (file: string): number => read(file).match(/\S+/g)?.length ?? 0
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
const write = (count: number, what: string): void =>
  console.log(`${count.toLocaleString('en').padStart(8)}  ${what}`)

const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
const files = tracked.split('\0').filter((file) => file !== '')

/** Counts lines of code by package, and returns their sum. */
function countCode(isTest: boolean): number {
  const packages = new Map<string, number>()
  for (const file of files) {
    const [name] = /^(?:(?:packages|tools)\/[\w-]+|examples)(?=\/)/.exec(file) ?? []
    if (name === undefined || !/\.(ts|lua|sql|css|js)$/.test(file) || file.includes('/test/') !== isTest)
      continue
    packages.set(name, (packages.get(name) ?? 0) + lineCount(file))
  }
  for (const [name, lines] of packages) write(lines, name)
  return sum([...packages.values()])
}

/** Counts words of Markdown, the generated reference included, and returns their sum. */
function countMarkdown(): number {
  const pages = files.filter((file) => file.endsWith('.md')).map((file) => ({ file, words: wordCount(file) }))
  for (const { file, words } of pages.toSorted((a, b) => b.words - a.words).slice(0, LARGEST_PAGES))
    write(words, file)
  return sum(pages.map(({ words }) => words))
}

/** Returns the functions that are too long, one line each; blank lines, comments and tests do not count. */
function findLongFunctions(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'titan-counts-'))
  const config = join(folder, 'oxlint.json')
  const rule = ['error', { max: FUNCTION_LINES, skipBlankLines: true, skipComments: true }]
  writeFileSync(
    config,
    JSON.stringify({ categories: { correctness: 'off' }, rules: { 'max-lines-per-function': rule } }),
  )
  try {
    const args = ['--format=unix', '-c', config, 'packages', 'tools']
    const { stdout, error } = spawnSync('oxlint', args, { cwd: root, encoding: 'utf8' })
    if (error !== undefined) throw error
    return stdout.split('\n').flatMap((line) => {
      const [, place, lines] = /^(\S+?): .* too many lines \((\d+)\)/.exec(line) ?? []
      return place === undefined || place.includes('/test/') ? [] : `${lines?.padStart(8)}  ${place}`
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function compare(count: number, goal: number, what: string): void {
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
