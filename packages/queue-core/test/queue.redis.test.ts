import { eventually } from '@titan/local/testing'
import { describe, expect } from 'vitest'
import { QueueError } from '../src/index.ts'
import { test } from './support/place.ts'

describe('enqueue', () => {
  test('a job without an id gets one that no other job has', async ({ place }) => {
    const queue = place.createQueue()
    const answers = await queue.enqueueMany(
      (['high', 'default', 'low'] as const).flatMap((priority) => [
        { name: 'work' as const, data: 1, priority },
        { name: 'work' as const, data: 2, priority, delayMs: 60_000 },
      ]),
    )
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(6)
    expect(answers.every((answer) => !answer.duplicate)).toBe(true)
  })

  test('jobs of different priority that fail in the same moment are all tried again', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueueMany(
      (['high', 'default', 'low'] as const).map((priority, n) => ({
        name: 'work' as const,
        data: n,
        priority,
      })),
    )
    const done: number[] = []
    await place.startWorker(
      {
        work: ({ data, attempt }) => {
          if (attempt === 1) throw new Error('not yet')
          done.push(data)
        },
      },
      { backoff: () => 30 },
    )
    await eventually(() => done.length === 3)
    expect(done.toSorted()).toEqual([0, 1, 2])
  })
})
export { QueueError }
