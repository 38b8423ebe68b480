import fc from 'fast-check'
import { expect, test } from 'vitest'
import { exponential, fixed } from '../src/index.ts'

test('a fixed delay is the same after every failure', () => {
  expect([1, 2, 100].map(fixed(250))).toEqual([250, 250, 250])
})

test('an exponential delay doubles with each failure up to its bound', () => {
  const backoff = exponential({ baseMs: 100, maxMs: 1_000, jitter: 0 })
  expect([1, 2, 3, 4, 5, 6].map(backoff)).toEqual([100, 200, 400, 800, 1_000, 1_000])
})

test('jitter takes off at most its share of the delay', () => {
  const options = { baseMs: 100, maxMs: 1_000, jitter: 0.25 }
  expect(exponential({ ...options, random: () => 0 })(1)).toBe(100)
  expect(exponential({ ...options, random: () => 1 })(1)).toBe(75)
})

test('after any number of failures the delay is a whole number between 0 and its bound', () => {
  const anyOptions = fc.record({
    baseMs: fc.nat(100_000),
    maxMs: fc.nat(10_000_000),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    random: fc.double({ min: 0, max: 1, noNaN: true }).map((value) => () => value),
  })
  fc.assert(
    fc.property(anyOptions, fc.integer({ min: 1, max: 1_000_000 }), (options, failures) => {
      const delayMs = exponential(options)(failures)
      expect(Number.isInteger(delayMs)).toBe(true)
      expect(delayMs).toBeGreaterThanOrEqual(0)
      expect(delayMs).toBeLessThanOrEqual(options.maxMs)
    }),
  )
})
