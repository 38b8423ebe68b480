import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const here = `${root}packages/payments/`
const readme = await readFile(`${here}README.md`, 'utf8')
const OPERATIONS = 'create relay claim reclaim succeed fail retry unknown review requeue cancel decide'.split(
  ' ',
)
const isRow = new RegExp(`^\\| (I\\d+|${OPERATIONS.join('|')}) `)
const rows = readme.split('\n').filter((line) => isRow.test(line))
const sources = [
  ...(await readdir(`${here}src`, { recursive: true })),
  ...(await readdir(`${here}statements`)),
].filter((name) => /\.(ts|sql)$/.test(name))

/** A test that the map cites. */
interface Citation {
  readonly file: string
  readonly title: string
}

/** Reads "`file` › *title*, › *another title of that file*". */
function citationsOf(row: string): Citation[] {
  let file = ''
  return [...row.matchAll(/(?:`([\w./-]+\.test\.ts)` )?› \*([^*]+)\*/g)].map(([, named, title = '']) => {
    file = named ?? file
    return { file: file.startsWith('packages/') ? root + file : `${here}test/${file}`, title }
  })
}

test('the map names every invariant and every operation', () => {
  const named = new Set(rows.map((row) => row.split(' ')[1]))
  expect([...named]).toEqual([...Array.from({ length: 40 }, (_, index) => `I${index + 1}`), ...OPERATIONS])
})

test('every row cites a test, or the rule with the test, or says what is not kept', () => {
  const isOpen = (row: string): boolean => !row.includes('not kept') && !/\| I\d+ \|$/.test(row)
  expect(rows.filter((row) => citationsOf(row).length === 0 && isOpen(row))).toEqual([])
})

test('every test that the map cites exists in its file', async () => {
  const cited = rows.flatMap(citationsOf)
  expect(cited.length).toBeGreaterThan(44)
  for (const { file, title } of cited) {
    const titles = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim())
    const isThere = titles.some((line) => line.includes(`'${title}'`))
    expect(isThere, `${file} has a test '${title}'`).toBe(true)
  }
})

test('every file and constraint that the map names exists', async () => {
  const migrations = (await readdir(`${root}sql`)).filter((name) => /^\d{4}_/.test(name))
  const sql = (await Promise.all(migrations.map((name) => readFile(`${root}sql/${name}`, 'utf8')))).join('\n')
  const names = rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
  const files = names.filter((name) => /\.(ts|sql)$/.test(name) && !name.endsWith('.test.ts'))
  expect(files.length).toBeGreaterThan(30)
  for (const file of files)
    expect(
      sources.some((source) => source === file || source.endsWith(`/${file}`)),
      `src or statements has ${file}`,
    ).toBe(true)
  // PostgreSQL made this name itself, for the unique column.
  const constraints = names.filter(
    (name) => /^payments?_\w+$/.test(name) && name !== 'payments_idempotency_key_key',
  )
  expect(constraints.length).toBeGreaterThan(10)
  for (const constraint of constraints) expect(sql).toContain(constraint)
})
