import { eventually } from '@titan/testkit'
import * as v from 'valibot'
import { describe, expect, vi } from 'vitest'
import type { QueueError, RedisNodeClient } from '../src/index.ts'
import { jobs, range, sorted } from './support/collect.ts'
import { test } from './support/place.ts'

const PRIORITIES = ['high', 'default', 'low'] as const

describe('enqueue', () => {
  test('answers with the id under which the job runs', async ({ place }) => {
    const queue = place.createQueue()
    const seen = new Map<number, string>()
    await place.startWorker({ work: (job) => void seen.set(job.data, job.id) })
    const options = [{}, { id: 'mine' }, { priority: 'low' as const }, { maxAttempts: 3 }, { delayMs: 1 }]
    const answers = await Promise.all(options.map((one, data) => queue.enqueue('work', data, one)))
    await eventually(() => seen.size === options.length)
    expect(answers).toEqual(range(options.length).map((n) => ({ id: seen.get(n), duplicate: false })))
    expect(answers[1]?.id).toBe('mine')
  })

  test('gives each job a unique id, also across priorities', async ({ place }) => {
    const queue = place.createQueue()
    const answers = await queue.enqueueMany(
      PRIORITIES.flatMap((priority) => [
        { name: 'work' as const, data: 1, priority },
        { name: 'work' as const, data: 2, priority, delayMs: 60_000 },
      ]),
    )
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(6)
  })

  test('stores a plain job with two fields', async ({ place }) => {
    await place.createQueue().enqueue('work', 7)
    const [[, fields] = []] = await place.send<[string, string[]][]>(
      'XRANGE',
      place.keys.streams[1],
      '-',
      '+',
    )
    expect(fields).toEqual(['n', 'work', 'd', '7'])
  })

  test('of one turn of the event loop travels in one command', async ({ place, skip }) => {
    skip(process.env['TITAN_SENTINELS'] !== undefined, 'commands bypass the Sentinel client')
    const queue = place.createQueue()
    await queue.enqueueMany(range(2).map((data) => ({ name: 'work', data })))
    const sent = vi.spyOn(place.redis as RedisNodeClient, 'sendCommand')
    await Promise.all(range(100).map((data) => queue.enqueue('work', data)))
    expect(sent).toHaveBeenCalledTimes(1)
    expect((await queue.stats()).ready).toBe(102)
  })

  test.for([
    ['a name with a space', 'no name', 1, {}],
    ['data that is no JSON', 'work', 1n, {}],
    ['data that is too large', 'work', 'x'.repeat(100), {}],
    ['an id of control characters', 'work', 1, { id: 'a\n' }],
  ] as const)('refuses %s, and adds nothing', async ([, name, data, options], { place }) => {
    const queue = place.createQueue<Record<string, unknown>>({ maxPayloadBytes: 64 })
    await expect(queue.enqueue(name, data, options)).rejects.toMatchObject({ code: 'INVALID_PAYLOAD' })
    expect(await place.send('EXISTS', ...place.keys.streams)).toBe(0)
  })

  test.for([null, 'urgent', 5])('refuses %j for options, and adds nothing', async (options, { place }) => {
    const refused = place.createQueue().enqueue('work', 1, options as never)
    await expect(refused).rejects.toMatchObject({ name: 'QueueError', code: 'INVALID_OPTIONS' })
    expect(await place.send('EXISTS', ...place.keys.streams)).toBe(0)
  })

  // F224 a schema transforms; or it is slow and the queue is closed meanwhile: the transform happens once,
  //  where the job runs; `close` waits for the enqueue
  test('checks data by its schema, and stores what came in, so that a transform happens once', async ({
    place,
  }) => {
    const work = v.pipe(
      v.string(),
      v.transform((text) => text.length),
      v.number(),
    )
    const queue = place.createQueue<{ work: string | number }>({ schemas: { work } })
    await queue.enqueue('work', 'four')
    await queue.enqueueMany([{ name: 'work', data: 'five5' }])
    await queue.schedule('daily', { cron: '0 3 * * *' }, 'work', 'sixsix')
    await expect(queue.enqueue('work', 4)).rejects.toMatchObject({ code: 'INVALID_PAYLOAD' })
    const [[, fields] = []] = await place.send<[string, string[]][]>(
      'XRANGE',
      place.keys.streams[1],
      '-',
      '+',
    )
    expect(fields).toEqual(['n', 'work', 'd', '"four"'])
    await place.send('ZADD', place.keys.slots, 1, 'daily')
    const got: unknown[] = []
    const handlers = { work: ({ data }: { readonly data: unknown }) => void got.push(data) }
    await place.startWorker<{ work: string | number }>(handlers, { schemas: { work } })
    await eventually(() => got.length === 3)
    expect(new Set(got)).toEqual(new Set([4, 5, 6]))
  })

  // F224
  test('under way with a slow schema is waited for by close', async ({ place }) => {
    const slow = v.pipeAsync(
      v.number(),
      v.checkAsync(async () => {
        await new Promise((resolve) => setTimeout(resolve, 30))
        return true
      }),
    )
    const queue = place.createQueue({ schemas: { work: slow } })
    let isStored = false
    const underWay = queue.enqueue('work', 1).then(() => (isStored = true))
    await queue.close()
    expect(isStored).toBe(true)
    await underWay
  })

  // F223 an id, ordering key, schedule key or `traceparent` holds half of a surrogate pair:
  //  `INVALID_PAYLOAD`: in Redis all of them would be one id; a lookup by such an id finds nothing
  test('of ids and keys with half a surrogate pair is refused, since they would become one', async ({
    place,
  }) => {
    const queue = place.createQueue()
    for (const half of ['pay-\ud800', 'pay-\udc01', '\ud800']) {
      for (const options of [{ id: half }, { orderingKey: half }, { traceparent: half }])
        await expect(queue.enqueue('work', 1, options)).rejects.toMatchObject({ code: 'INVALID_PAYLOAD' })
      await expect(queue.schedule(half, { cron: '* * * * *' }, 'work', 1)).rejects.toMatchObject({
        code: 'INVALID_PAYLOAD',
      })
      expect(await queue.unschedule(half)).toBe(false)
    }
    await queue.enqueue('work', 1, { id: 'pay-\ufffd', delayMs: 60_000 })
    expect(await queue.cancel('pay-\ud800')).toBe('unknown')
    expect(await queue.reschedule('pay-\ud800', { delayMs: 1 })).toBe('unknown')
    expect(await queue.stats()).toMatchObject({ delayed: 1, ready: 0 })
  })

  test('after close is refused; what was under way is stored', async ({ place }) => {
    const queue = place.createQueue()
    const underWay = queue.enqueue('work', 1)
    await queue.close()
    await queue.close()
    await expect(queue.enqueue('work', 2)).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(queue.enqueueMany(jobs(1))).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(underWay).resolves.toMatchObject({ duplicate: false })
    expect(await place.send('XLEN', place.keys.streams[1])).toBe(1)
  })
})

describe('defaults of a queue', () => {
  const defaults = {
    priority: 'low',
    maxAttempts: 2,
    timeoutMs: 5_000,
    backoff: { type: 'fixed', delayMs: 1 },
  } as const

  test('hold for each job that does not say otherwise', async ({ place }) => {
    const queue = place.createQueue({ defaults })
    await queue.enqueue('work', 1)
    await queue.enqueue('work', 2, { maxAttempts: 7, priority: 'low', timeoutMs: undefined as never })
    await queue.enqueueMany([{ name: 'work', data: 3 }])
    const entries = await place.part.connection.send<[string, string[]][]>([
      'XRANGE',
      place.keys.streams[2],
      '-',
      '+',
    ])
    const metas = entries.map(([, fields]) => JSON.parse(fields[5] ?? '{}') as Record<string, unknown>)
    const { priority: _priority, ...stored } = defaults
    expect(metas).toMatchObject([stored, { ...stored, maxAttempts: 7 }, stored])
  })

  test('hold for recurring jobs', async ({ place }) => {
    const queue = place.createQueue({ defaults })
    await queue.schedule('nightly', { cron: '0 3 * * *' }, 'work', 1, { maxAttempts: 9 })
    expect(await queue.schedules()).toMatchObject([{ options: { ...defaults, maxAttempts: 9 } }])
  })
})

describe('enqueueMany', () => {
  test('keeps the order of thousands of jobs, in answers and in the queue', async ({ place }) => {
    const queue = place.createQueue()
    const answers = await queue.enqueueMany(jobs(2_500))
    const entries = await place.send<[string, string[]][]>('XRANGE', place.keys.streams[1], '-', '+')
    expect(entries.map(([id]) => id)).toEqual(answers.map(({ id }) => id))
    expect(entries.map(([, fields]) => Number(fields[3]))).toEqual(range(2_500))
  })

  test('keeps the order of calls that nobody waited for, takes the jobs as they were, and is waited for by close', async ({
    place,
  }) => {
    const queue = place.createQueue()
    const batch: { name: 'work'; data: number }[] = []
    const calls: Promise<unknown>[] = []
    for (let call = 0; call < 20; call++) {
      batch.push(...range(60).map((n) => ({ name: 'work' as const, data: call * 60 + n })))
      calls.push(queue.enqueueMany(batch))
      batch.length = 0
    }
    await queue.close()
    const entries = await place.send<[string, string[]][]>('XRANGE', place.keys.streams[1], '-', '+')
    expect(entries.map(([, fields]) => Number(fields[3]))).toEqual(range(20 * 60))
    await Promise.all(calls)
  })

  test('of nothing is nothing', async ({ place }) => {
    expect(await place.createQueue().enqueueMany([])).toEqual([])
  })

  test('adds none of the jobs when one of them is bad, wherever it is', async ({ place }) => {
    const many = [...jobs(2_000), { name: 'work' as const, data: 1, id: '' }]
    await expect(place.createQueue().enqueueMany(many)).rejects.toMatchObject({ code: 'INVALID_PAYLOAD' })
    expect(await place.send('EXISTS', place.keys.streams[1])).toBe(0)
  })

  test.for([undefined, 'jobs', { length: 1 }, [undefined], [{ name: 'work', data: 1 }, null], ['work']])(
    'refuses %j, which is no array of jobs',
    async (jobs, { place }) => {
      const refused = place.createQueue().enqueueMany(jobs as never)
      await expect(refused).rejects.toMatchObject({ name: 'QueueError', code: 'INVALID_OPTIONS' })
      expect(await place.send('EXISTS', place.keys.streams[1])).toBe(0)
    },
  )

  test('tells duplicates among themselves', async ({ place }) => {
    const queue = place.createQueue()
    const twice = [...jobs(2), ...jobs(2)].map((job) => ({ ...job, id: `job-${job.data}` }))
    const answers = await queue.enqueueMany(twice)
    expect(answers.map(({ duplicate }) => duplicate)).toEqual([false, false, true, true])
    expect((await queue.stats()).ready).toBe(2)
  })
})

describe('a bounded queue', () => {
  test('rejects what does not fit, and takes more when there is room', async ({ place }) => {
    const queue = place.createQueue({ maxLength: 3 })
    await queue.enqueueMany(jobs(3))
    await expect(queue.enqueue('work', 3)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    await place.startWorker({ work: () => undefined })
    await eventually(async () => (await queue.stats()).ready === 0 && (await queue.stats()).leased === 0)
    await queue.enqueue('work', 3)
  })

  test('tells which of many were added', async ({ place }) => {
    const queue = place.createQueue({ maxLength: 2 })
    const error = (await queue.enqueueMany(jobs(4)).catch((thrown: unknown) => thrown)) as QueueError
    expect(error).toMatchObject({ name: 'QueueError', code: 'QUEUE_FULL' })
    expect(error.accepted?.map((one) => one?.duplicate)).toEqual([false, false, undefined, undefined])
    expect((await queue.stats()).ready).toBe(2)
  })

  test('counts delayed, parked and running jobs too, and a duplicate needs no room', async ({ place }) => {
    const queue = place.createQueue({ maxLength: 4 })
    await queue.enqueue('work', 0, { delayMs: 60_000 })
    await queue.enqueue('work', 1, { id: 'a', orderingKey: 'k' })
    await queue.enqueue('work', 2, { orderingKey: 'k' })
    await queue.enqueue('work', 3)
    await place.send('XGROUP', 'CREATE', place.keys.streams[1], 'workers', '0')
    await place.send('XREADGROUP', 'GROUP', 'workers', 'w', 'STREAMS', place.keys.streams[1], '>')
    await expect(queue.enqueue('work', 4)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    await expect(queue.enqueue('work', 1, { id: 'a' })).resolves.toMatchObject({ duplicate: true })
  })
})

test('jobs of different priority that fail in the same moment are all tried again', async ({ place }) => {
  const queue = place.createQueue()
  await queue.enqueueMany(PRIORITIES.map((priority, data) => ({ name: 'work' as const, data, priority })))
  const done: number[] = []
  const work = ({ data, attempt }: { readonly data: number; readonly attempt: number }): void => {
    if (attempt === 1) throw new Error('not yet')
    done.push(data)
  }
  await place.startWorker({ work }, { backoff: () => 30 })
  await eventually(() => done.length === 3)
  expect(sorted(done)).toEqual([0, 1, 2])
})
