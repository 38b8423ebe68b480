import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import { fireSlot } from '../src/producer/recurring.ts'
import { createGate } from './support/gate.ts'
import { test, type Place } from './support/place.ts'

/** Fires the next slots of a recurring job, as if time had passed. */
async function fire(place: Place, key: string, times = 1): Promise<void> {
  for (let time = 0; time < times; time++) {
    const slot = Number(await place.send('ZSCORE', place.keys.slots, key))
    expect(await fireSlot(place.part, key, slot, slot)).toBeUndefined()
  }
}

const hourly = { cron: '0 * * * *' }

describe('a recurring job', () => {
  // F229 a recurring job comes faster than it runs: at most one of its jobs waits, next to one that
  //  runs; a redefinition removes the job of the old definition that waits
  test('waits once at most, however many slots pass', async ({ place }) => {
    const queue = place.createQueue()
    await queue.schedule('s', hourly, 'work', 1)
    await queue.schedule('ordered', hourly, 'work', 2, { orderingKey: 'k' })
    await queue.enqueue('work', 3, { orderingKey: 'k' })
    for (const key of ['s', 'ordered']) await fire(place, key, 5)
    expect(await queue.stats()).toMatchObject({ ready: 2, parked: 1 })
  })

  // F229
  test('waits once beside the one that runs, and again after its turn', async ({ place }) => {
    const queue = place.createQueue()
    await queue.schedule('s', hourly, 'work', 1)
    const gate = createGate()
    await place.startWorker({ work: () => gate.opened }, { concurrency: 1, maxPrefetch: 0 })
    await fire(place, 's')
    await eventually(async () => (await queue.stats()).leased === 1)
    await fire(place, 's', 3)
    expect(await queue.stats()).toMatchObject({ ready: 1, leased: 1 })
    gate.open()
    await eventually(() => place.eventsOf('completed').length === 2)
    await fire(place, 's')
    await eventually(() => place.eventsOf('completed').length === 3)
  })

  // F229
  test('that waits is removed when its definition changes, and only then', async ({ place }) => {
    const queue = place.createQueue<{ work: string }>()
    await queue.schedule('s', hourly, 'work', 'old')
    await fire(place, 's')
    await queue.schedule('s', hourly, 'work', 'old')
    expect(await queue.stats()).toMatchObject({ ready: 1 })
    await queue.schedule('s', hourly, 'work', 'new')
    expect(await queue.stats()).toMatchObject({ ready: 0 })
    await fire(place, 's')
    const seen: string[] = []
    await place.startWorker<{ work: string }>({ work: ({ data }) => void seen.push(data) })
    await eventually(() => seen.length === 1)
    expect(seen).toEqual(['new'])
  })

  // F230 thousands of recurring jobs fire every second: a finished one leaves no key behind, and its slot
  //  brings no second one
  test('that is done leaves nothing behind, and does not come again for its slot', async ({ place }) => {
    const queue = place.createQueue()
    await queue.schedule('s', hourly, 'work', 1)
    const slot = Number(await place.send('ZSCORE', place.keys.slots, 's'))
    await fire(place, 's')
    await place.startWorker({ work: () => undefined })
    await eventually(() => place.eventsOf('completed').length === 1)
    expect(await place.send('KEYS', `${place.keys.base}:processed:*`)).toEqual([])
    await place.send('ZADD', place.keys.slots, slot, 's')
    await fireSlot(place.part, 's', slot, slot)
    expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0 })
    await queue.unschedule('s')
    expect(await place.send('EXISTS', place.keys.schedules, place.keys.slots)).toBe(0)
  })
})
