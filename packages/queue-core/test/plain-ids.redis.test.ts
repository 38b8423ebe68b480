import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import { createInspector } from '../src/index.ts'
import { createGate } from './support/gate.ts'
import { test } from './support/place.ts'

describe.each([1, 3])('in a queue of %i partitions a job without an id of its producer', (partitions) => {
  test.for(['high', 'default', 'low'] as const)(
    // F231 a plain or delayed job is looked up or cancelled by the id that `enqueue` answered: it is found,
    //  and removed if it has not started; an entry of a job with another id is not touched
    'of priority %s is found and cancelled by the id that enqueue answered',
    async (priority, { place }) => {
      const queue = place.createQueue({ partitions })
      const inspector = createInspector(place.redis, place.name, { prefix: place.prefix, partitions })
      const kept = await queue.enqueue('work', 1, { priority })
      const { id } = await queue.enqueue('work', 2, { priority })
      const later = await queue.enqueue('work', 3, { priority, delayMs: 60_000 })
      expect(await inspector.find(id)).toMatchObject({ state: 'ready', id, data: 2, priority })
      expect(await inspector.find(later.id)).toMatchObject({ state: 'delayed', id: later.id, data: 3 })
      expect(await queue.reschedule(id, { delayMs: 5 })).toBe('ready')
      expect(await queue.cancel(id)).toBe('done')
      expect(await queue.cancel(id)).toBe('unknown')
      expect(await inspector.find(id)).toBeUndefined()
      expect(await inspector.find(kept.id)).toMatchObject({ data: 1 })
      expect(await queue.stats()).toMatchObject({ ready: 1, delayed: 1 })
    },
  )
})

// F231
test('the entry of a job with another id is not cancelled by it', async ({ place }) => {
  const queue = place.createQueue()
  await queue.enqueue('work', 1, { id: 'own' })
  const [[entryId] = ['']] = await place.send<[string][]>('XRANGE', place.keys.streams[1], '-', '+')
  expect(await queue.cancel(entryId)).toBe('unknown')
  expect(
    await createInspector(place.redis, place.name, { prefix: place.prefix }).find(entryId),
  ).toBeUndefined()
})

test.for(['99999999999999999999-1', '1-18446744073709551616', `${'9'.repeat(200)}-1-high`])(
  'an id that no entry can have is unknown: %s',
  async (id, { place }) => {
    const queue = place.createQueue()
    expect(await queue.cancel(id)).toBe('unknown')
    expect(await queue.reschedule(id, { delayMs: 5 })).toBe('unknown')
    expect(await createInspector(place.redis, place.name, { prefix: place.prefix }).find(id)).toBeUndefined()
  },
)

// F232 one call, or the calls of one turn, mix jobs with and without options: they are stored in the order of
//  the caller
test('jobs of one call start in its order, with and without options', async ({ place }) => {
  const queue = place.createQueue()
  const options = [{ id: 'one' }, {}, { maxAttempts: 2 }, {}, { id: 'one' }, { orderingKey: 'k' }, {}]
  const answers = await queue.enqueueMany(options.map((some, data) => ({ name: 'work', data, ...some })))
  expect(answers.map(({ duplicate }) => duplicate)).toEqual(options.map((_some, index) => index === 4))
  await Promise.all([
    queue.enqueue('work', 7),
    queue.enqueue('work', 8, { id: 'two' }),
    queue.enqueue('work', 9),
  ])
  const inspector = createInspector(place.redis, place.name, { prefix: place.prefix })
  const ready = await inspector.peek('ready')
  expect(ready.map(({ data }) => data)).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9])
  expect(ready[1]?.id).toBe(answers[1]?.id)
  expect(await inspector.find(answers[1]?.id ?? '')).toMatchObject({ data: 1 })
})

// F233 a pause has to wait for running jobs: `pause({ waitMs })` resolves when none runs, and says whether
//  that is so
test('a pause waits until running jobs have ended, as long as it is asked to', async ({ place }) => {
  const queue = place.createQueue()
  const gate = createGate()
  const worker = await place.startWorker({ work: () => gate.opened })
  await queue.enqueue('work', 1)
  await eventually(() => worker.running === 1)
  expect(await queue.pause()).toBe(false)
  expect(await queue.pause({ waitMs: 20 })).toBe(false)
  const paused = queue.pause({ waitMs: 60_000 })
  gate.open()
  expect(await paused).toBe(true)
  expect(worker.running).toBe(0)
})
