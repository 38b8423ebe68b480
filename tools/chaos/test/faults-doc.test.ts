import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const root = new URL('../../../', import.meta.url)
const text = readFileSync(new URL('docs/faults.md', root), 'utf8')
const rows = text.split('\n').flatMap((line) => {
  const [, id, , , tests] = line.split(' | ').length === 4 ? ['', ...line.split(' | ')] : []
  const number = /^\| (F\d+b?)$/.exec(id ?? '')?.[1]
  return number === undefined ? [] : [{ number, tests: tests ?? '' }]
})

test('the table of faults has every case once', () => {
  const numbers = rows.map(({ number }) => number).filter((number) => number !== 'F52b')
  const first = Array.from({ length: 75 }, (_, index) => `F${index + 1}`)
  expect(numbers.slice(0, first.length)).toEqual(first)
  // Each later section has a range of its own, so numbers ascend with gaps.
  const values = numbers.map((number) => Number(number.slice(1)))
  expect(values).toEqual([...new Set(values)].toSorted((a, b) => a - b))
})

test('every case names its tests, or says that there is none', () => {
  const silent = rows.filter(({ tests }) => !tests.includes('`') && !tests.startsWith('not covered'))
  expect(silent.map(({ number }) => number)).toEqual([])
})

test('every test that the table of faults names exists', () => {
  const cited = rows.flatMap(({ number, tests }) =>
    [...tests.matchAll(/`([\w./-]+\.test\.ts)` “([^”]+)”/g)].map(([, file = '', name = '']) => ({
      number,
      file,
      name,
    })),
  )
  expect(cited.length).toBeGreaterThan(100)
  const missing = cited.filter(({ file, name }) => {
    const path = ['packages', 'tools'].map((folder) => new URL(`${folder}/${file}`, root)).find(existsSync)
    return path === undefined || !readFileSync(path, 'utf8').includes(name)
  })
  expect(missing).toEqual([])
})
