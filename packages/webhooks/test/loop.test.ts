import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { createLoop, type Loop, type LoopOptions } from '../src/loop.ts'

/** So long that only a nudge can be the reason of another run. */
const NEVER = 2_000_000

function loopOf(options: Partial<LoopOptions>): Loop {
  const loop = createLoop({ intervalMs: NEVER, run: async () => false, onError: () => {}, ...options })
  onTestFinished(() => loop.stop())
  return loop
}

test('a nudge runs it at once, and one during a run runs it once more', async () => {
  let runs = 0
  let release = (): void => {}
  const loop = loopOf({
    run: async () => {
      runs++
      await new Promise<void>((resolve) => (release = resolve))
      return false
    },
  })
  loop.start()
  expect(runs).toBe(1)
  for (let i = 0; i < 5; i++) loop.nudge()
  expect(runs).toBe(1)
  release()
  await eventually(() => runs === 2)
  release()
  await Promise.resolve()
  await eventually(() => {
    loop.nudge()
    return runs === 3
  })
  release()
})

test('it goes on at once while there is more to do', async () => {
  let left = 5
  const loop = loopOf({ run: async () => --left > 0 })
  loop.start()
  await eventually(() => left === 0)
})

test('after a failure nudges do not hurry it', async () => {
  let runs = 0
  const errors: unknown[] = []
  const loop = loopOf({
    run: async () => {
      runs++
      throw new Error('down')
    },
    onError: (error) => errors.push(error),
  })
  loop.start()
  await eventually(() => errors.length === 1)
  for (let i = 0; i < 5; i++) loop.nudge()
  expect(runs).toBe(1)
})

test('stop waits for the run that is under way, and nothing runs after it', async () => {
  let isOver = false
  let runs = 0
  let release = (): void => {}
  const loop = loopOf({
    run: async () => {
      runs++
      await new Promise<void>((resolve) => (release = resolve))
      isOver = true
      return true
    },
  })
  loop.start()
  const stopped = loop.stop()
  release()
  await stopped
  expect(isOver).toBe(true)
  loop.nudge()
  expect(runs).toBe(1)
  await loop.stop()
})
