import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import { test } from './support/place.ts'

const range = (count: number): number[] => Array.from({ length: count }, (_none, n) => n)

describe('a slot that cannot be fired now', () => {
  // F219 a recurring job is due and cannot be added (memory full, damaged key), or one delayed job cannot be
  //  moved: other delayed jobs are not held up; the slot fires when it can
  test('keeps no delayed job waiting, and fires later', async ({ place }) => {
    const queue = place.createQueue()
    await queue.schedule('s', { cron: '0 3 * * *' }, 'work', -1)
    await place.send('ZADD', place.keys.slots, Date.now() - 5_000, 's')
    // As when memory is full: what places the job of the slot is refused.
    await place.send('SET', place.keys.live, 'damaged')
    const count = 3_000
    await queue.enqueueMany(range(count).map((data) => ({ name: 'work' as const, data, delayMs: 1 })))
    const ran = new Set<number>()
    await place.startWorker({ work: ({ data }) => void ran.add(data) }, { concurrency: 100 })
    const rounds = (): number => place.eventsOf('error').filter(({ during }) => during === 'schedule').length
    await eventually(() => ran.size === count)
    // Each error used to end a round of 500 jobs, and to cost a pause.
    expect(rounds()).toBeGreaterThan(0)
    expect(place.eventsOf('error').filter(({ during }) => during === 'promote')).toEqual([])
    await place.send('DEL', place.keys.live)
    await eventually(() => ran.has(-1))
  })
})

// F219
test('a delayed job that cannot be moved delays no other', async ({ place }) => {
  const queue = place.createQueue()
  // Its ordering key cannot be looked up; the others have none.
  await place.send('SET', place.keys.ordering, 'damaged')
  await queue.enqueue('work', -1, { delayMs: 1, orderingKey: 'k' })
  const count = 2_000
  await queue.enqueueMany(range(count).map((data) => ({ name: 'work' as const, data, delayMs: 1 })))
  const ran = new Set<number>()
  await place.startWorker({ work: ({ data }) => void ran.add(data) }, { concurrency: 100 })
  await eventually(() => ran.size === count)
  expect(place.eventsOf('error').filter(({ during }) => during === 'promote').length).toBeLessThan(10)
  await place.send('DEL', place.keys.ordering)
  await eventually(() => ran.has(-1))
})
