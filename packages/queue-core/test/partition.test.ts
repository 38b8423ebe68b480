import fc from 'fast-check'
import { expect, test } from 'vitest'
import { partitionKeys, partitionOf } from '../src/redis/partition.ts'

test('a text always goes to the same partition, of those there are', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 256 }), (text, partitions) => {
      const partition = partitionOf(text, partitions)
      expect(partition).toBe(partitionOf(text, partitions))
      expect(partition).toBeGreaterThanOrEqual(0)
      expect(partition).toBeLessThan(partitions)
    }),
  )
})

test('partitions of known ids stay what they are: jobs that wait would be looked for elsewhere', () => {
  expect(['a', 'order-17', 'ключ', '💶'].map((id) => partitionOf(id, 4))).toMatchInlineSnapshot(`
    [
      0,
      2,
      1,
      2,
    ]
  `)
})

test('ids are spread evenly', () => {
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < 10_000; i++) counts[partitionOf(`order-${i}`, 4)]!++
  for (const count of counts) expect(count).toBeGreaterThan(2_000)
})

test('each partition has its own hash tag, a queue of one has its name', () => {
  const tags = (partitions: number): (string | undefined)[] =>
    partitionKeys('titan', 'q', partitions).map(({ dlq }) => /\{.*\}/.exec(dlq)?.[0])
  expect(tags(1)).toEqual(['{q}'])
  expect(tags(3)).toEqual(['{q:0}', '{q:1}', '{q:2}'])
})
