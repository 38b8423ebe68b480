import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startLoop } from '../src/async/loop.ts'
import { startTimer } from '../src/async/timer.ts'
import { withDeadline } from '../src/async/deadline.ts'

const DAY = 86_400_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test.each([0, 1, 2 ** 31 - 1, 2 ** 31, 30 * DAY, 400 * DAY])(
  // F189 a duration is above 24.8 days or infinite: `timeoutMs` of a job, the grace of a stop, a redrive at a
  //  tiny rate, the interval of a loop: it is waited for; a timer of Node.js would fire at once
  'a timer of %d ms fires after just that',
  (delayMs) => {
    const fired = vi.fn<() => void>()
    startTimer(fired, delayMs)
    if (delayMs > 0) vi.advanceTimersByTime(delayMs - 1)
    if (delayMs > 0) expect(fired).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(fired).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
  },
)

test('a timer that is stopped does not fire, also after a part of its time; an infinite one never does', () => {
  const fired = vi.fn<() => void>()
  const timer = startTimer(fired, 60 * DAY)
  const endless = startTimer(fired, Infinity)
  vi.advanceTimersByTime(59 * DAY)
  timer.stop()
  vi.advanceTimersByTime(400 * DAY)
  expect(fired).not.toHaveBeenCalled()
  endless.stop()
  expect(vi.getTimerCount()).toBe(0)
})

test('a deadline and the wait of a loop may be as long', async () => {
  const late = vi.fn<() => Error>(() => new Error('late'))
  const waiting = withDeadline(new Promise(() => undefined), 30 * DAY, late)
  waiting.catch(() => undefined)
  const run = vi.fn<() => Promise<number>>(() => Promise.resolve(30 * DAY))
  const loop = startLoop(run, () => undefined)
  await vi.advanceTimersByTimeAsync(29 * DAY)
  expect(late).not.toHaveBeenCalled()
  expect(run).toHaveBeenCalledOnce()
  await vi.advanceTimersByTimeAsync(2 * DAY)
  await expect(waiting).rejects.toThrow('late')
  expect(run).toHaveBeenCalledTimes(2)
  await loop.stop()
})
