import { describe, expect } from 'vitest'
import { mayTidy, unpark } from '../src/redis/commands.ts'
import { test } from './support/place.ts'

describe('an ordering key whose holder somebody deleted', () => {
  // F221 200,000 ordering keys, and a job waits behind one of them; many workers start: one worker a minute
  //  looks for keys whose holder is gone, and only at keys behind which a job waits; one whose holder is
  //  unknown continues too
  test('is found without a look at the keys behind which nothing waits', async ({ place }) => {
    const queue = place.createQueue()
    const keys = Array.from({ length: 1_000 }, (_none, n) => `k${n}`)
    await queue.enqueueMany(keys.map((orderingKey) => ({ name: 'work' as const, data: 1, orderingKey })))
    await queue.enqueue('work', 2, { orderingKey: 'k500' })
    const { connection } = place.part
    let calls = 0
    const counted = {
      ...connection,
      send: <T>(args: string[]) => {
        calls++
        return connection.send<T>(args)
      },
    }
    await unpark({ ...place.part, connection: counted })
    // A script that the server does not know yet is sent once more.
    expect(calls).toBeLessThanOrEqual(2)
    expect(await queue.stats()).toMatchObject({ ready: 1_000, parked: 1 })
  })

  // F221
  test('goes on although somebody deleted the keys’ holders too', async ({ place }) => {
    const queue = place.createQueue()
    for (const data of [1, 2, 3]) await queue.enqueue('work', data, { orderingKey: 'k' })
    await place.send('DEL', place.keys.ordering, place.keys.streams[1])
    await unpark(place.part)
    expect(await queue.stats()).toMatchObject({ ready: 1, parked: 1 })
  })

  test('keeps the index of a job that waited behind a deleted one of its id', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 1, { id: 'x', orderingKey: 'k' })
    await place.send('DEL', place.keys.streams[1])
    await place.send('HDEL', place.keys.live, 'x')
    await place.send('HSET', place.keys.ordering, 'k', 'x')
    await place.send('XADD', place.keys.streams[1], '*', 'n', 'work', 'd', '0')
    await queue.enqueue('work', 2, { id: 'x', orderingKey: 'k' })
    await unpark(place.part)
    await queue.enqueue('work', 3, { id: 'y', orderingKey: 'k' })
    const places = await place.send<string[]>('HMGET', place.keys.live, 'x')
    expect(places[0]).toMatch(/./)
    expect(await queue.enqueue('work', 4, { id: 'x', orderingKey: 'k' })).toMatchObject({ duplicate: true })
  })

  // F221
  test('is looked for by one worker a minute', async ({ place }) => {
    const asked = await Promise.all(['a', 'b', 'c'].map((name) => mayTidy(place.part, name, 60_000)))
    expect(asked.filter(Boolean)).toHaveLength(1)
    expect(Number(await place.send('PTTL', place.keys.tidied))).toBeGreaterThan(0)
  })
})
