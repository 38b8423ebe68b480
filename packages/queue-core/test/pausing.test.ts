import { expect, test } from 'vitest'
import { createPausing } from '../src/worker/pause-state.ts'

test('each change is told once', () => {
  const changes: boolean[] = []
  const pausing = createPausing((isPaused) => changes.push(isPaused))
  pausing.signal(true)
  pausing.signal(true)
  pausing.answer(true, performance.now() + 1)
  pausing.signal(false)
  pausing.answer(false, performance.now() + 1)
  expect(changes).toEqual([true, false])
  expect(pausing.isPaused).toBe(false)
})

test('an answer counts while no signal came, and when a signal was lost', () => {
  const pausing = createPausing(() => {})
  pausing.answer(true, performance.now())
  expect(pausing.isPaused).toBe(true)
  pausing.signal(true)
  pausing.answer(false, performance.now() + 1)
  expect(pausing.isPaused).toBe(false)
})

test('an answer that was asked for before the last signal came says nothing', () => {
  const changes: boolean[] = []
  const pausing = createPausing((isPaused) => changes.push(isPaused))
  const askedAt = performance.now()
  pausing.signal(true)
  pausing.answer(false, askedAt)
  expect(pausing.isPaused).toBe(true)
  pausing.signal(false)
  pausing.answer(true, askedAt)
  expect(changes).toEqual([true, false])
})
