import { describe, expect, test } from 'vitest'
import type { JobOptions } from '../src/index.ts'
import { describeJob, makeJobId, needsMeta } from '../src/producer/new-job.ts'

test('only name and data make a plain job, whatever its priority', () => {
  expect(needsMeta({})).toBe(false)
  expect(needsMeta({ priority: 'high' })).toBe(false)
  expect(needsMeta({ delayMs: 0 })).toBe(true)
  expect(needsMeta({ traceparent: 'x' })).toBe(true)
})

test.each([
  [{ backoff: 500 }, 'backoff.type must be fixed or exponential, got undefined'],
  [{ backoff: { type: 'linear', delayMs: 1 } }, 'backoff.type must be fixed or exponential, got "linear"'],
  [{ backoff: { type: 'fixed' } }, 'backoff.delayMs must be a whole number of at least 0, got undefined'],
])('options %j are refused', (options, message) => {
  expect(() => describeJob(options as never)).toThrow(message)
})

test('an id that is made is greater than those made before, however many there are in a millisecond', () => {
  const ids = Array.from({ length: 20_000 }, makeJobId)
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids.slice(0, 100))
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
})

test('a job with an id is deduplicated, one without gets a unique name', () => {
  expect(describeJob({ id: 'a' })).toEqual({
    id: 'a',
    dedupe: true,
    due: '',
    orderingKey: '',
    meta: '{"id":"a","dedupe":1}',
  })
  const [first, second] = [describeJob({}), describeJob({})]
  expect(first.id).not.toBe(second.id)
  expect(first.dedupe).toBe(false)
})

test('what a job brings along is kept in its meta', () => {
  const options: JobOptions = {
    id: 'a',
    orderingKey: 'k',
    maxAttempts: 2,
    visibilityMs: 500,
    timeoutMs: 100,
    backoff: { type: 'fixed', delayMs: 5 },
    traceparent: '00-1-2-01',
  }
  const { enqueuedAt, ...meta } = JSON.parse(describeJob(options).meta) as Record<string, unknown>
  expect(enqueuedAt).toBeTypeOf('number')
  expect(meta).toEqual({ ...options, dedupe: 1 })
})

test('a delay counts from the server’s now, a time is a time, none is at once', () => {
  expect(describeJob({ delayMs: 250 }).due).toBe('+250')
  expect(describeJob({ runAt: 1_700_000_000_000 }).due).toBe('1700000000000')
  expect(describeJob({ delayMs: 0 }).due).toBe('')
})

describe('options that cannot work are refused', () => {
  test.each([
    [{ delayMs: -1 }, 'delayMs must be a whole number of at least 0, got -1'],
    [{ delayMs: 1.5 }, 'delayMs must be a whole number of at least 0, got 1.5'],
    [{ runAt: NaN }, 'runAt must be a whole number of at least 0, got NaN'],
    [{ delayMs: 1, runAt: 1 }, 'Give delayMs or runAt, not both'],
    [{ maxAttempts: 0 }, 'maxAttempts must be a whole number of at least 1, got 0'],
    [{ visibilityMs: 99 }, 'visibilityMs must be a whole number of at least 100, got 99'],
    [{ timeoutMs: Infinity }, 'timeoutMs must be a whole number of at least 0, got Infinity'],
    [
      { backoff: { type: 'fixed', delayMs: -5 } },
      'backoff.delayMs must be a whole number of at least 0, got -5',
    ],
  ] as [JobOptions, string][])('%j', (options, message) => {
    expect(() => describeJob(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS', message }))
  })

  test.each([[{ id: '' }], [{ orderingKey: 'a\nb' }], [{ traceparent: 'x'.repeat(256) }]])(
    '%j',
    (options) => {
      expect(() => describeJob(options)).toThrow(expect.objectContaining({ code: 'INVALID_PAYLOAD' }))
    },
  )
})
