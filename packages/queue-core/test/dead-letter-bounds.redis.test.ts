import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import { createConsumer, type DeadLetter, type WorkerOptions } from '../src/index.ts'
import { trimDeadLetters } from '../src/redis/commands.ts'
import { jobs } from './support/collect.ts'
import { test, type Place, type TestJobs } from './support/place.ts'

const dataOf = (letters: readonly DeadLetter[]): unknown[] => letters.map(({ data }) => data)

describe('bounds of dead letters', () => {
  const failing = {
    work: (): never => {
      throw new Error('boom')
    },
  }

  async function buryBounded(
    place: Place,
    count: number,
    deadLetters?: WorkerOptions<TestJobs>['deadLetters'],
  ): Promise<void> {
    const worker = await place.startWorker(failing, { maxAttempts: 1, concurrency: 1, deadLetters })
    await place.createQueue().enqueueMany(jobs(count))
    await eventually(() => worker.counters.deadLettered === count)
    await worker.stop()
  }
  const droppedOf = (place: Place): number =>
    place.eventsOf('deadLettersDropped').reduce((sum, { count }) => sum + count, 0)

  test('by count keep the newest, in the step that adds one', async ({ place }) => {
    await buryBounded(place, 4)
    await buryBounded(place, 5, { maxCount: 3 })
    expect(dataOf(await place.createQueue().deadLetters())).toEqual([2, 3, 4])
    expect(droppedOf(place)).toBe(6)
    expect(place.eventsOf('deadLettersDropped')[0]).toMatchObject({ queue: place.keys.base })
  })

  test('by age delete those that are older, by the clock of the server', async ({ place }) => {
    for (const id of ['1-0', '1-1']) await place.send('XADD', place.keys.dlq, id, 'n', 'work', 'd', '9')
    await buryBounded(place, 2, { maxAgeMs: 3_600_000 })
    expect(dataOf(await place.createQueue().deadLetters())).toEqual([0, 1])
    expect(droppedOf(place)).toBe(2)
  })

  test('hold for a consumer, and for what grew too old without a new one', async ({ place }) => {
    const consumer = createConsumer<TestJobs>(place.redis, place.name, {
      prefix: place.prefix,
      deadLetters: { maxCount: 1 },
    })
    place.onEnd(() => consumer.close())
    await place.createQueue().enqueueMany(jobs(2))
    for (const lease of await consumer.claim({ count: 2 })) await consumer.deadLetter(lease, { reason: 'no' })
    expect(dataOf(await place.createQueue().deadLetters())).toEqual([1])
    const trim = (bounds: object): Promise<number> => trimDeadLetters(place.part, bounds)
    expect(await trim({})).toBe(0)
    expect(await trim({ maxAgeMs: Number.MAX_SAFE_INTEGER, maxCount: 1 })).toBe(0)
    expect(await trim({ maxCount: 0 })).toBe(1)
  })

  test('are none by default: nothing is dropped', async ({ place }) => {
    await place.send('XADD', place.keys.dlq, '1-0', 'n', 'work', 'd', '9')
    await buryBounded(place, 3)
    const queue = place.createQueue()
    expect(await queue.deadLetters()).toHaveLength(4)
    expect(place.eventsOf('deadLettersDropped')).toEqual([])
  })
})
