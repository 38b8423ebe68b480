import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import type { Job } from '../src/index.ts'
import { partitionOf } from '../src/redis/partition.ts'
import { jobs, range, sorted } from './support/collect.ts'
import { test, type Place } from './support/place.ts'

const partitions = 4

/** Number of entries in each partition's stream. */
function lengths(place: Place): Promise<number[]> {
  return Promise.all(
    range(partitions).map((n) => place.send<number>('XLEN', `${place.prefix}:{q:${n}}:jobs`)),
  )
}

describe('a queue of partitions', () => {
  test('spreads jobs without an id evenly, and runs them all', async ({ place }) => {
    const queue = place.createQueue({ partitions })
    const answers = await queue.enqueueMany(jobs(100))
    expect(await lengths(place)).toEqual([25, 25, 25, 25])
    expect(new Set(answers.map(({ id }) => id)).size).toBe(100)
    const seen = new Map<string, number>()
    const worker = await place.startWorker(
      { work: ({ id, data }) => void seen.set(id, data) },
      { partitions },
    )
    await eventually(() => worker.counters.completed === 100)
    expect(seen).toEqual(new Map(answers.map(({ id }, data) => [id, data])))
    expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0, group: 'workers' })
  })

  test('keeps jobs of an id, or of an ordering key, together', async ({ place }) => {
    const queue = place.createQueue({ partitions })
    for (const id of ['a', 'b', 'c', 'd', 'e'])
      for (const duplicate of [false, true])
        expect(await queue.enqueue('work', 1, { id })).toEqual({ id, duplicate })
    const expected = range(partitions).map(
      (n) => ['a', 'b', 'c', 'd', 'e'].filter((id) => partitionOf(id, partitions) === n).length,
    )
    expect(await lengths(place)).toEqual(expected)
  })

  test('keeps the order of each ordering key', async ({ place }) => {
    const queue = place.createQueue({ partitions })
    const runs = new Map<string, number[]>()
    const work = ({ orderingKey = '', data }: Job<'work', number>): void => {
      runs.set(orderingKey, [...(runs.get(orderingKey) ?? []), data])
    }
    await queue.enqueueMany(
      jobs(20).flatMap((job) => ['x', 'y', 'z'].map((orderingKey) => ({ ...job, orderingKey }))),
    )
    for (let n = 0; n < 2; n++) await place.startWorker({ work }, { partitions })
    await eventually(() => [...runs.values()].flat().length === 60)
    expect(runs).toEqual(new Map(['x', 'y', 'z'].map((key) => [key, range(20)])))
  })

  test('cancels and reschedules wherever the job is', async ({ place }) => {
    const queue = place.createQueue({ partitions })
    const later = { delayMs: 60_000 }
    const options = [
      ...['a', 'b', 'c', 'd'].map((id) => ({ id, ...later })),
      { id: 'e', orderingKey: 'k1', ...later },
      { id: 'f', orderingKey: 'k2', ...later },
    ]
    for (const option of options) await queue.enqueue('work', 1, option)
    for (const { id } of options) expect(await queue.reschedule(id, { delayMs: 90_000 })).toBe('done')
    for (const { id } of options) expect(await queue.cancel(id)).toBe('done')
    for (const { id } of options) expect(await queue.cancel(id)).toBe('unknown')
    expect(await queue.stats()).toMatchObject({ delayed: 0 })
  })

  test('spreads recurring jobs, each beside the others of its ordering key', async ({ place }) => {
    const queue = place.createQueue({ partitions })
    const homes = (): Promise<number[]> =>
      Promise.all(range(partitions).map((n) => place.send<number>('ZCARD', `${place.prefix}:{q:${n}}:slots`)))
    const [first = 0, second = 0] = ['key of one', 'another key'].map((key) => partitionOf(key, partitions))
    expect(first).not.toBe(second)
    const count = (...at: number[]): number[] =>
      range(partitions).map((n) => at.filter((m) => m === n).length)
    const every = { cron: '* * * * * *' }
    await queue.schedule('key of one', every, 'work', 1)
    await queue.schedule('s', every, 'work', 2, { orderingKey: 'another key' })
    expect(await homes()).toEqual(count(first, second))
    // With another ordering key it moves.
    await queue.schedule('s', every, 'work', 2, { orderingKey: 'key of one' })
    expect(await homes()).toEqual(count(first, first))
    await queue.schedule('s', every, 'work', 2, { orderingKey: 'another key' })
    expect((await queue.schedules()).map(({ key }) => key).toSorted()).toEqual(['key of one', 's'])
    const ids: string[] = []
    await place.startWorker({ work: ({ id }) => void ids.push(id) }, { partitions })
    for (const key of ['s@', 'key of one@'])
      await eventually(() => ids.filter((id) => id.startsWith(key)).length >= 2)
    expect(new Set(ids).size).toBe(ids.length)
    expect(await queue.unschedule('s')).toBe(true)
    expect(await homes()).toEqual(count(first))
  })

  test('pauses and resumes as one', async ({ place }) => {
    const queue = place.createQueue({ partitions })
    await queue.pause()
    expect(await queue.stats()).toMatchObject({ paused: true })
    const worker = await place.startWorker({ work: () => undefined }, { partitions })
    await queue.enqueueMany(jobs(8))
    await queue.resume()
    await eventually(() => worker.counters.completed === 8)
    expect(await queue.stats()).toMatchObject({ paused: false })
  })

  test('bounds each partition, and tells what fitted', async ({ place }) => {
    const queue = place.createQueue({ partitions, maxLength: 1 })
    await expect(queue.enqueueMany(jobs(6))).rejects.toMatchObject({
      code: 'QUEUE_FULL',
      accepted: [{}, {}, {}, {}, undefined, undefined],
    })
    expect(await lengths(place)).toEqual([1, 1, 1, 1])
  })

  test('has one dead-letter queue to page through, look at, redrive and delete from', async ({ place }) => {
    const queue = place.createQueue({ partitions })
    const worker = await place.startWorker(
      { work: () => Promise.reject(new Error('boom')) },
      { partitions, maxAttempts: 1 },
    )
    await queue.enqueueMany(jobs(10))
    await eventually(async () => (await queue.stats()).dead === 10)
    await worker.stop()
    const first = await queue.deadLetters({ count: 7 })
    const rest = await queue.deadLetters({ after: first.at(-1)?.letterId ?? '' })
    const letters = [...first, ...rest]
    expect(sorted(letters.map(({ data }) => Number(data)))).toEqual(range(10))
    for (const letter of letters) expect(await queue.peekDeadLetter(letter.letterId)).toEqual(letter)
    expect(await queue.deleteDeadLetters(letters.slice(0, 4).map(({ letterId }) => letterId))).toBe(4)
    expect(await queue.redrive()).toEqual({ redriven: 6, skipped: 0 })
    const done: number[] = []
    await place.startWorker({ work: ({ data }) => void done.push(data) }, { partitions })
    await eventually(() => done.length === 6)
    expect(sorted(done)).toEqual(sorted(letters.slice(4).map(({ data }) => Number(data))))
  })

  test('retries and delays in each partition', async ({ place }) => {
    const queue = place.createQueue({ partitions })
    const done: number[] = []
    const work = ({ data, attempt }: Job<'work', number>): void => {
      if (attempt === 1) throw new Error('boom')
      done.push(data)
    }
    await queue.enqueueMany(jobs(12).map((job) => ({ ...job, delayMs: job.data })))
    await queue.enqueueMany(jobs(12).map((job) => ({ ...job, data: job.data + 12 })))
    await place.startWorker({ work }, { partitions, backoff: () => 5 })
    await eventually(() => done.length === 24)
    expect(sorted(done)).toEqual(range(24))
    expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0, delayed: 0 })
  })

  test('fires recurring jobs once', async ({ place }) => {
    const queue = place.createQueue({ partitions })
    const ids: string[] = []
    for (let n = 0; n < 2; n++)
      await place.startWorker({ work: ({ id }) => void ids.push(id) }, { partitions })
    await queue.schedule('s', { cron: '* * * * * *' }, 'work', 1)
    await eventually(() => ids.length >= 2)
    expect(new Set(ids).size).toBe(ids.length)
  })
})
