import { expect, test } from 'vitest'
import { PauseState } from '../src/worker/signals.ts'

test('each change is reported once', () => {
  const changes: boolean[] = []
  const pauseState = new PauseState((isPaused) => changes.push(isPaused))
  pauseState.signal(true)
  pauseState.signal(true)
  pauseState.observe(true, performance.now() + 1)
  pauseState.signal(false)
  pauseState.observe(false, performance.now() + 1)
  expect(changes).toEqual([true, false])
  expect(pauseState.isPaused).toBe(false)
})

test('a reply counts while no signal came, and when a signal was lost', () => {
  const pauseState = new PauseState(() => {})
  pauseState.observe(true, performance.now())
  expect(pauseState.isPaused).toBe(true)
  pauseState.signal(true)
  pauseState.observe(false, performance.now() + 1)
  expect(pauseState.isPaused).toBe(false)
})

test('a reply to a command that was sent before the last signal came is ignored', () => {
  const changes: boolean[] = []
  const pauseState = new PauseState((isPaused) => changes.push(isPaused))
  const sentAt = performance.now()
  pauseState.signal(true)
  pauseState.observe(false, sentAt)
  expect(pauseState.isPaused).toBe(true)
  pauseState.signal(false)
  pauseState.observe(true, sentAt)
  expect(changes).toEqual([true, false])
})
