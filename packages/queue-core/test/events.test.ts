import { afterEach, expect, test, vi } from 'vitest'
import { guardListener, type QueueEvent } from '../src/events.ts'

const event: QueueEvent = { type: 'warning', message: 'careful' }

afterEach(() => vi.restoreAllMocks())

test('a listener gets the event as it is', () => {
  const seen: QueueEvent[] = []
  guardListener((one) => seen.push(one))(event)
  expect(seen).toEqual([event])
})

test('a listener that throws or rejects is reported on the console and hurts nobody', async () => {
  const report = vi.spyOn(console, 'error').mockReturnValue()
  const error = new Error('listener broken')
  guardListener(() => {
    throw error
  })(event)
  const asyncListener = (): Promise<never> => Promise.reject(error)
  // oxlint-disable-next-line typescript/no-misused-promises -- its type lets an async listener pass
  guardListener(asyncListener)(event)
  await vi.waitFor(() => expect(report).toHaveBeenCalledTimes(2))
  expect(report).toHaveBeenCalledWith('titan-queue: onEvent threw on', 'warning', error)
})

test('without a listener nothing happens', () => {
  expect(() => guardListener(undefined)(event)).not.toThrow()
})
