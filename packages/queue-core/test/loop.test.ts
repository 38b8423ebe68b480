import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test, vi } from 'vitest'
import { errorDelay, pause, startLoop, startPolling, type Loop } from '../src/async/loop.ts'
import { createGate } from './support/gate.ts'

const NEVER_MS = 2 ** 30

function start(runOnce: () => Promise<number>, onError: (error: unknown) => void = () => undefined): Loop {
  const loop = startLoop(runOnce, onError)
  onTestFinished(() => loop.stop())
  return loop
}

test('a loop runs again after the wait that the last run asked for', async () => {
  let runs = 0
  start(() => Promise.resolve(++runs < 3 ? 0 : NEVER_MS))
  await eventually(() => runs === 3)
})

test('a wake ends the wait', async () => {
  let runs = 0
  const loop = start(() => Promise.resolve((runs++, NEVER_MS)))
  await eventually(() => runs === 1)
  loop.wake()
  await eventually(() => runs === 2)
})

test('a wake during a run brings one more after it, and runs never overlap', async () => {
  const gates = [createGate(), createGate()]
  let runs = 0
  let running = 0
  const loop = start(async () => {
    expect(++running).toBe(1)
    await gates[runs++]?.opened
    running--
    return NEVER_MS
  })
  await eventually(() => runs === 1)
  loop.wake()
  loop.wake()
  gates[0]?.open()
  await eventually(() => runs === 2)
  gates[1]?.open()
  await eventually(() => running === 0)
  expect(runs).toBe(2)
})

test('an error is reported and the loop goes on', async () => {
  const errors: unknown[] = []
  let runs = 0
  start(
    () => (++runs === 1 ? Promise.reject(new Error('broken')) : Promise.resolve(NEVER_MS)),
    (error) => errors.push(error),
  )
  await eventually(() => runs === 2)
  expect(errors).toEqual([expect.objectContaining({ message: 'broken' })])
})

test('a run that throws before it makes a promise is an error like any other', async () => {
  const errors: unknown[] = []
  let runs = 0
  start(
    () => {
      if (++runs === 1) throw new Error('broken')
      return Promise.resolve(NEVER_MS)
    },
    (error) => errors.push(error),
  )
  await eventually(() => runs === 2)
  expect(errors).toHaveLength(1)
})

test('stopping waits for the run under way and starts no other, also when it was woken', async () => {
  const gate = createGate()
  let runs = 0
  let ended = false
  const loop = start(async () => {
    runs++
    await gate.opened
    ended = true
    return 0
  })
  await eventually(() => runs === 1)
  loop.wake()
  const stopped = loop.stop()
  gate.open()
  await stopped
  expect([runs, ended]).toEqual([1, true])
  loop.wake()
  await loop.stop()
  expect(runs).toBe(1)
})

test('the wait after errors grows to five seconds', () => {
  for (let failures = 1; failures < 100; failures++) {
    const full = Math.min(5_000, 50 * 2 ** (failures - 1))
    expect(errorDelay(failures)).toBeGreaterThanOrEqual(full / 2)
    expect(errorDelay(failures)).toBeLessThanOrEqual(full)
  }
})

test('a pause ends early when its signal aborts, before or meanwhile', async () => {
  const abort = new AbortController()
  const paused = pause(NEVER_MS, abort.signal)
  abort.abort()
  await paused
  await pause(NEVER_MS, abort.signal)
})

test('polling runs at once while there is more, else at its interval; errors double the wait, and no wake ends it', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const errors: unknown[] = []
  const results: (() => Promise<boolean>)[] = [
    () => Promise.resolve(true),
    () => Promise.resolve(false),
    () => Promise.reject(new Error('away')),
    () => Promise.resolve(false),
  ]
  let runs = 0
  const loop = startPolling({
    intervalMs: 1_000,
    run: () => results[runs++]?.() ?? Promise.resolve(false),
    onError: (error) => errors.push(error),
  })
  await vi.advanceTimersByTimeAsync(2)
  expect(runs).toBe(2)
  await vi.advanceTimersByTimeAsync(740)
  expect(runs).toBe(2)
  await vi.advanceTimersByTimeAsync(300)
  expect([runs, errors.length]).toEqual([3, 1])
  loop.wake()
  await vi.advanceTimersByTimeAsync(1_200)
  expect(runs).toBe(3)
  await vi.advanceTimersByTimeAsync(900)
  expect(runs).toBe(4)
  loop.wake()
  await vi.advanceTimersByTimeAsync(1)
  expect(runs).toBe(5)
  await loop.stop()
})
