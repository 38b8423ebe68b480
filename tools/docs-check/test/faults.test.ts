import { expect, it } from 'vitest'
import { readFaults } from '../src/faults.ts'
import { readRepository } from '../src/repository.ts'

const faults = readFaults()

it('every tested fault is described once, next to a test', () => {
  expect(faults.filter(({ text }) => text === '').map(({ id }) => id)).toEqual([])
  expect(faults.length).toBeGreaterThan(190)
})

it('every range of the page has faults, and every fault is in a range', () => {
  const ranges = [...readRepository('docs/faults.md').matchAll(/\| F(\d+)–F(\d+) \|/g)].map(
    ([, from, to]) => [Number(from), Number(to)],
  )
  expect(ranges.length).toBeGreaterThan(10)
  const numbers = faults.map(({ id }) => Number.parseInt(id.slice(1), 10))
  for (const [from = 0, to = 0] of ranges)
    expect(numbers.filter((number) => number >= from && number <= to).length, `F${from}`).toBeGreaterThan(0)
  const outside = numbers.filter(
    (number) => !ranges.some(([from = 0, to = 0]) => number >= from && number <= to),
  )
  expect(outside).toEqual([])
})
