import { afterEach, expect, test, vi } from 'vitest'
import { createRelay } from '../src/index.ts'

afterEach(() => void vi.useRealTimers())

test('all that wait for their mark get it together, however many batches they are', async () => {
  vi.useFakeTimers()
  const enqueued: string[] = []
  const marked: string[][] = []
  const relay = createRelay({
    store: {
      relayPending: () => Promise.resolve(0),
      markQueued(ids) {
        marked.push([...ids])
        return Promise.resolve(ids.length)
      },
    },
    queue: {
      enqueueMany(jobs) {
        enqueued.push(...jobs.map(({ id = '' }) => id))
        return Promise.resolve(jobs.map(({ id = '' }) => ({ id, duplicate: false })))
      },
    },
    batchSize: 10,
  })
  const ids = Array.from({ length: 35 }, (_, index) => `pay_${index}`)
  relay.nudge(ids)
  await vi.advanceTimersByTimeAsync(0)
  expect(enqueued).toEqual(ids)
  expect(marked).toEqual([])
  await vi.advanceTimersByTimeAsync(200)
  expect(marked.map(({ length }) => length)).toEqual([10, 10, 10, 5])
  expect(marked.flat()).toEqual(ids)
  await relay.stop()
})
