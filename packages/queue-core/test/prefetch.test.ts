import { expect, test } from 'vitest'
import { Prefetch } from '../src/worker/prefetch.ts'

const settings = { maxPrefetch: 1_000, concurrency: 10, partitions: 1, rateLimit: undefined }

test('a worker whose jobs take long claims nothing ahead', () => {
  const prefetch = new Prefetch(settings)
  const now = performance.now()
  expect(prefetch.target(0, now + 1_000)).toBe(0)
  expect(prefetch.target(3, now + 2_000)).toBe(0)
})

test('one that ends many jobs claims some milliseconds of work ahead, up to its bound', () => {
  const prefetch = new Prefetch(settings)
  const now = performance.now()
  expect(prefetch.target(10_000, now + 1_000)).toBeOneOf([199, 200])
  expect(prefetch.target(1_010_000, now + 2_000)).toBe(1_000)
})

test('one whose jobs become slow claims less again', () => {
  const prefetch = new Prefetch(settings)
  const now = performance.now()
  expect(prefetch.target(100_000, now + 1_000)).toBe(1_000)
  expect(prefetch.target(100_000, now + 2_000)).toBe(0)
})
