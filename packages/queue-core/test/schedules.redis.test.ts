import { eventually } from '@titan/testkit'
import * as v from 'valibot'
import { describe, expect } from 'vitest'
import type { Connection } from '../src/redis/connection.ts'
import { createQueue, type Job, type QueueEvent, type RedisClient } from '../src/index.ts'
import type { QueuePartition } from '../src/redis/partition.ts'
import { fireDueSlots, nextSlot } from '../src/producer/recurring.ts'
import { range } from './support/collect.ts'
import { test, type Place, type TestJobs } from './support/place.ts'

async function serverNow(place: Place): Promise<number> {
  const [seconds, micros] = await place.send<[string, string]>('TIME')
  return Number(seconds) * 1_000 + Number(micros) / 1_000
}

/** Makes the next slot of a schedule due since `agoMs`. */
async function makeDue(place: Place, key: string, agoMs: number): Promise<number> {
  const slot = Math.floor((await serverNow(place)) - agoMs)
  await place.send('ZADD', place.keys.slots, slot, key)
  return slot
}

/** Creates a client for a producer that sends its commands by this function. */
function clientWith(sendCommand: (args: string[]) => Promise<unknown>): RedisClient {
  return { isReady: true, sendCommand } as unknown as RedisClient
}

const ignore = (): void => undefined

const slotOf = (place: Place, key: string): Promise<string | null> =>
  place.send('ZSCORE', place.keys.slots, key)

describe('a recurring job', () => {
  test('fires once a slot however many workers there are', async ({ place }) => {
    const queue = place.createQueue()
    const ids: string[] = []
    const work = ({ id }: Job): void => void ids.push(id)
    for (let n = 0; n < 4; n++) await place.startWorker({ work })
    await queue.schedule('every-second', { cron: '* * * * * *' }, 'work', 1)
    await eventually(() => ids.length >= 3)
    await queue.unschedule('every-second')
    const times = ids.map((id) => Number(/^every-second@(\d+)$/.exec(id)?.[1]))
    expect(times.every((time) => time % 1_000 === 0)).toBe(true)
    expect(new Set(times).size).toBe(times.length)
  })

  test('carries its data and options', async ({ place }) => {
    const queue = place.createQueue()
    const seen: Job[] = []
    await place.startWorker({ work: (job) => void seen.push(job) })
    const options = { priority: 'high', maxAttempts: 2, orderingKey: 'k', visibilityMs: 9_000 } as const
    await queue.schedule('s', { cron: '0 3 * * *', timeZone: 'Europe/Berlin' }, 'work', 42, options)
    const slot = await makeDue(place, 's', 5)
    await eventually(() => seen.length === 1)
    expect(seen).toMatchObject([
      { id: `s@${slot}`, name: 'work', data: 42, priority: 'high', maxAttempts: 2, orderingKey: 'k' },
    ])
  })

  test('fires once for all the slots that were missed', async ({ place }) => {
    const queue = place.createQueue()
    await queue.schedule('hourly', { cron: '0 * * * *' }, 'work', 1)
    const slot = await makeDue(place, 'hourly', 10 * 3_600_000)
    const ids: string[] = []
    await place.startWorker({ work: ({ id }) => void ids.push(id) })
    await eventually(() => ids.length === 1)
    expect(ids).toEqual([`hourly@${slot}`])
    expect(Number(await slotOf(place, 'hourly'))).toBeGreaterThan(await serverNow(place))
  })

  test('keeps a slot that is due when it is upserted unchanged, as on a restart', async ({ place }) => {
    const queue = place.createQueue()
    const upsert = (data: number): Promise<void> => queue.schedule('s', { cron: '0 3 * * *' }, 'work', data)
    await upsert(1)
    const slot = await makeDue(place, 's', 5)
    await upsert(1)
    expect(Number(await slotOf(place, 's'))).toBe(slot)
    await upsert(2)
    expect(Number(await slotOf(place, 's'))).toBeGreaterThan(slot)
  })

  test('upserted by many at the same time is one', async ({ place }) => {
    await Promise.all(
      Array.from({ length: 4 }, () => place.createQueue().schedule('s', { cron: '* * * * * *' }, 'work', 1)),
    )
    expect(await place.createQueue().schedules()).toHaveLength(1)
    const ids: string[] = []
    await place.startWorker({ work: ({ id }) => void ids.push(id) })
    await eventually(() => ids.length >= 2)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('deployed by two with different definitions has the slot of the one that won', async ({ place }) => {
    const other = place.createQueue()
    const slow = createQueue<TestJobs>(
      // Before and after every command of the one the other deploys.
      clientWith(async (args) => {
        await other.schedule('s', { cron: '0 15 * * *' }, 'work', 2)
        try {
          return await place.send(...args)
        } finally {
          await other.schedule('s', { cron: '0 15 * * *' }, 'work', 2)
        }
      }),
      place.name,
      { prefix: place.prefix },
    )
    await slow.schedule('s', { cron: '0 3 * * *' }, 'work', 1)
    const [schedule] = await other.schedules()
    expect(schedule?.nextAt).toBe(nextSlot(schedule?.cron ?? '', 'UTC', await serverNow(place)))
  })

  test('that was removed fires no more', async ({ place }) => {
    const queue = place.createQueue()
    await queue.schedule('s', { cron: '* * * * * *' }, 'work', 1)
    expect(await queue.unschedule('s')).toBe(true)
    expect(await queue.unschedule('s')).toBe(false)
    expect(await queue.schedules()).toEqual([])
    expect(await fireDueSlots(place.part, (await serverNow(place)) + 10_000, ignore)).toBeUndefined()
    expect((await queue.stats()).ready).toBe(0)
  })

  test('is listed with its next slot', async ({ place }) => {
    const queue = place.createQueue()
    await queue.schedule('s', { cron: '0 3 * * *', timeZone: 'Asia/Tokyo' }, 'work', 7, { priority: 'low' })
    const [schedule] = await queue.schedules()
    expect(schedule).toEqual({
      key: 's',
      cron: '0 3 * * *',
      timeZone: 'Asia/Tokyo',
      name: 'work',
      data: 7,
      options: { priority: 'low' },
      nextAt: expect.any(Number),
    })
    // 18:00 in Greenwich is three in the morning in Tokyo.
    expect(new Date(schedule?.nextAt ?? 0).toISOString()).toMatch(/T18:00:00/)
  })

  test('of which two workers see the same slot is added once', async ({ place }) => {
    const queue = place.createQueue()
    for (const key of ['a', 'b', 'c']) await queue.schedule(key, { cron: '0 3 * * *' }, 'work', 1)
    for (const key of ['a', 'b', 'c']) await makeDue(place, key, 5)
    const now = await serverNow(place)
    await Promise.all([1, 2, 3, 4].map(() => fireDueSlots(place.part, now, ignore)))
    expect((await queue.stats()).ready).toBe(3)
  })
})

test('more recurring jobs than are fired in one go all fire', async ({ place }) => {
  const queue = place.createQueue()
  await Promise.all(range(130).map((n) => queue.schedule(`s${n}`, { cron: '0 3 * * *' }, 'work', n)))
  for (const n of range(130)) await makeDue(place, `s${n}`, 5)
  const now = await serverNow(place)
  expect(await fireDueSlots(place.part, now, ignore)).toBe(0)
  expect(await fireDueSlots(place.part, now, ignore)).toBeGreaterThan(0)
  expect(await queue.stats()).toMatchObject({ ready: 130 })
})

test('a slot that comes back after its job is done, or while it waits, adds no other', async ({ place }) => {
  const queue = place.createQueue()
  await queue.schedule('s', { cron: '0 3 * * *' }, 'work', 1)
  const slot = await makeDue(place, 's', 5)
  const fireAgain = async (): Promise<unknown> => {
    await place.send('ZADD', place.keys.slots, slot, 's')
    return fireDueSlots(place.part, await serverNow(place), ignore)
  }
  await fireAgain()
  await fireAgain()
  expect(await queue.stats()).toMatchObject({ ready: 1 })
  const worker = await place.startWorker({ work: () => undefined })
  await eventually(() => worker.counters.completed === 1)
  await worker.stop()
  await fireAgain()
  expect(await queue.stats()).toMatchObject({ ready: 0 })
})

describe('a recurring job that somebody has damaged', () => {
  const recurrence = { cron: '0 3 * * *', timeZone: 'UTC' }
  const good = { ...recurrence, name: 'work', data: 1, options: {}, key: 'a' }
  const definitions = [
    ['is no JSON', '{'],
    ['is no object', '5'],
    ['is empty', '{}'],
    ['has a bad expression', JSON.stringify({ ...good, cron: 'soon' })],
    ['never fires', JSON.stringify({ ...good, cron: '0 0 31 2 *' })],
    ['has no data', JSON.stringify({ ...good, data: undefined })],
    ['has no name', JSON.stringify({ ...good, name: undefined })],
    ['has options that cannot work', JSON.stringify({ ...good, options: { maxAttempts: 'x' } })],
  ] as const

  test.for(definitions)(
    'so that it %s is reported once and holds up no other',
    async ([, text], { place }) => {
      const queue = place.createQueue()
      for (const key of ['a', 'b']) await queue.schedule(key, recurrence, 'work', 1)
      await place.send('HSET', place.keys.schedules, 'a', text)
      await makeDue(place, 'a', 10)
      await makeDue(place, 'b', 5)
      const told: QueueEvent[] = []
      const now = await serverNow(place)
      const fire = (): Promise<unknown> => fireDueSlots(place.part, now, (event) => void told.push(event))
      await Promise.all([fire(), fire(), fire()])
      expect((await queue.stats()).ready).toBe(1)
      expect(told).toMatchObject([
        {
          type: 'error',
          during: 'schedule',
          error: { message: expect.stringMatching(/^Schedule "a" cannot be read/) },
        },
      ])
      expect(await queue.unschedule('a')).toBe(true)
      expect(await queue.unschedule('a')).toBe(false)
    },
  )

  test('is left out of the list, and fires again when it is scheduled anew', async ({ place }) => {
    const queue = place.createQueue()
    for (const key of ['a', 'b']) await queue.schedule(key, recurrence, 'work', 1)
    for (const definition of [
      JSON.stringify({ ...good, key: 5 }),
      JSON.stringify({ ...good, cron: 5 }),
      '{',
    ]) {
      await place.send('HSET', place.keys.schedules, 'a', definition)
      expect(await queue.schedules()).toMatchObject([{ key: 'b' }])
    }
    await makeDue(place, 'a', 5)
    await fireDueSlots(place.part, await serverNow(place), ignore)
    expect(await slotOf(place, 'a')).toBeNull()
    await queue.schedule('a', recurrence, 'work', 1)
    expect(Number(await slotOf(place, 'a'))).toBeGreaterThan(await serverNow(place))
  })

  test('so that its slot is no moment holds up no other and is not looked at all the time', async ({
    place,
  }) => {
    const queue = place.createQueue()
    await queue.schedule('a', recurrence, 'work', 1)
    await place.send('ZADD', place.keys.slots, '-inf', 'b')
    await makeDue(place, 'a', 5)
    expect(await fireDueSlots(place.part, await serverNow(place), ignore)).toBeGreaterThan(0)
    expect((await queue.stats()).ready).toBe(1)
    await makeDue(place, 'a', 4)
    await place.startWorker({ work: () => undefined })
    await eventually(() => place.eventsOf('completed').length === 2)
  })
})

describe('a recurring job that is replaced while a worker looks at its slot', () => {
  /** The place, with something that happens between the look at a definition and what follows from it. */
  function between({ part }: Place, act: () => Promise<unknown>): QueuePartition {
    const { connection } = part
    const send: Connection['send'] = async <T>(args: string[]) => {
      const reply = await connection.send<T>(args)
      if (args[0] === 'HGET') await act()
      return reply
    }
    return { ...part, connection: { ...connection, send } }
  }

  test('fires at no slot of the one before', async ({ place }) => {
    const queue = place.createQueue()
    await queue.schedule('s', { cron: '0 3 * * *' }, 'work', 1)
    const slot = await makeDue(place, 's', 5)
    const replaced = between(place, async () => {
      await queue.unschedule('s')
      await queue.schedule('s', { cron: '0 15 * * *' }, 'work', 2)
      await place.send('ZADD', place.keys.slots, slot, 's')
    })
    await fireDueSlots(replaced, await serverNow(place), ignore)
    expect((await queue.stats()).ready).toBe(0)
    expect(Number(await slotOf(place, 's'))).toBe(slot)
    await place.startWorker({ work: () => undefined })
    await eventually(() => place.eventsOf('started').length === 1)
  })

  test('keeps the slot it has then, though there was none for a moment', async ({ place }) => {
    const queue = place.createQueue()
    await place.send('ZADD', place.keys.slots, 1, 's')
    const made = between(place, () => queue.schedule('s', { cron: '0 3 * * *' }, 'work', 1))
    await fireDueSlots(made, await serverNow(place), ignore)
    expect(Number(await slotOf(place, 's'))).toBeGreaterThan(await serverNow(place))
  })
})

describe('a schedule that could not be fired is refused when it is made', () => {
  const good = { cron: '* * * * *' }
  test.for([
    ['a bad expression', 's', { cron: 'soon' }, {}, 'INVALID_OPTIONS'],
    ['an unknown time zone', 's', { ...good, timeZone: 'Mars/Olympus' }, {}, 'INVALID_OPTIONS'],
    ['a day that never comes', 's', { cron: '0 0 31 2 *' }, {}, 'INVALID_OPTIONS'],
    ['an option that cannot work', 's', good, { maxAttempts: 0 }, 'INVALID_OPTIONS'],
    ['an empty key', '', good, {}, 'INVALID_PAYLOAD'],
    ['a key with no room for the slot', 'k'.repeat(201), good, {}, 'INVALID_PAYLOAD'],
  ] as const)('for %s', async ([, key, recurrence, options, code], { place }) => {
    const queue = place.createQueue()
    await expect(queue.schedule(key, recurrence, 'work', 1, options)).rejects.toMatchObject({ code })
    expect(await queue.schedules()).toEqual([])
  })

  test('for data that does not fit', async ({ place }) => {
    const queue = place.createQueue({ schemas: { work: v.number() }, maxPayloadBytes: 10 })
    await expect(queue.schedule('s', good, 'work', 'x' as never)).rejects.toMatchObject({
      code: 'INVALID_PAYLOAD',
    })
    await expect(queue.schedule('s', good, 'work', 12_345_678_901)).rejects.toMatchObject({
      code: 'INVALID_PAYLOAD',
    })
  })

  test('and the longest key there may be fires', async ({ place }) => {
    const queue = place.createQueue()
    const key = 'k'.repeat(200)
    await queue.schedule(key, good, 'work', 1)
    await makeDue(place, key, 5)
    await place.startWorker({ work: () => undefined })
    await eventually(() => place.eventsOf('completed').length === 1)
  })
})
