import { expect, test } from 'vitest'
import { DEFAULT_RETRY_SCHEDULE, nextDelay, parseRetryAfter, type FailedTry } from '../src/model/decision.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const plain = (tries: number): FailedTry => ({ tries, isThrottled: false, retryAfterMs: undefined })
const middle = (): number => 0.5

test('the schedule is that of the specification: ten attempts within 76 hours', () => {
  const delays = Array.from({ length: 10 }, (_, index) =>
    nextDelay(plain(index + 1), DEFAULT_RETRY_SCHEDULE, middle),
  )
  expect(delays).toEqual([
    5_000,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
    undefined,
  ])
})

test('jitter moves a delay by a fifth at most, to either side', () => {
  expect(nextDelay(plain(2), DEFAULT_RETRY_SCHEDULE, () => 0)).toBe(4 * MINUTE)
  expect(nextDelay(plain(2), DEFAULT_RETRY_SCHEDULE, () => 1)).toBe(6 * MINUTE)
})

test('a receiver that is asking for less waits a minute at least', () => {
  const throttled = { tries: 1, isThrottled: true, retryAfterMs: undefined }
  for (const random of [0, 0.5, 1])
    expect(nextDelay(throttled, DEFAULT_RETRY_SCHEDULE, () => random)).toBeGreaterThanOrEqual(MINUTE)
  expect(nextDelay({ ...throttled, tries: 2 }, DEFAULT_RETRY_SCHEDULE, middle)).toBe(5 * MINUTE)
})

test('what it asks for is kept between the delay and twice the delay', () => {
  const asks = (retryAfterMs: number): number | undefined =>
    nextDelay({ tries: 2, isThrottled: true, retryAfterMs }, DEFAULT_RETRY_SCHEDULE, middle)
  expect(asks(1)).toBe(5 * MINUTE)
  expect(asks(7 * MINUTE)).toBe(7 * MINUTE)
  expect(asks(Number.MAX_SAFE_INTEGER)).toBe(10 * MINUTE)
  expect(
    nextDelay({ tries: 10, isThrottled: true, retryAfterMs: 1 }, DEFAULT_RETRY_SCHEDULE, middle),
  ).toBeUndefined()
})

test('Retry-After is seconds or a date, and nothing else', () => {
  const now = new Date('2026-11-24T12:00:00Z')
  expect(parseRetryAfter('120', now)).toBe(120_000)
  expect(parseRetryAfter(' 0 ', now)).toBe(0)
  expect(parseRetryAfter('Tue, 24 Nov 2026 12:01:00 GMT', now)).toBe(60_000)
  expect(parseRetryAfter('Tue, 24 Nov 2026 11:00:00 GMT', now)).toBe(0)
  expect(parseRetryAfter('9'.repeat(400), now)).toBe(Number.MAX_SAFE_INTEGER)
  for (const header of [
    undefined,
    '',
    'soon',
    '-5',
    '1.5',
    '1e3',
    '0x10',
    '2026-11-24',
    'Xyz, 99 Nov 2026 12:01:00 GMT',
  ])
    expect(parseRetryAfter(header, now)).toBeUndefined()
})
