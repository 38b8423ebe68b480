import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import { unpark } from '../src/redis/commands.ts'
import { createConsumer, RetryError, UnrecoverableError, type Job, type JobContext } from '../src/index.ts'
import { jobs, range, sorted } from './support/collect.ts'
import { createGate } from './support/gate.ts'
import { test, type Place, type TestJobs } from './support/place.ts'

/** Records runs per ordering key, and fails the moment two of a key overlap. */
function createRecorder(behave: (job: Job, context: JobContext) => unknown = () => undefined) {
  const runs: number[] = []
  const running = new Set<string | undefined>()
  let overlaps = 0
  return {
    /** Data of each run, in order. */
    runs,
    get overlaps() {
      return overlaps
    },
    async work(job: Job, context: JobContext): Promise<void> {
      if (running.has(job.orderingKey)) overlaps++
      running.add(job.orderingKey)
      runs.push(job.data as number)
      try {
        await new Promise((resolve) => setImmediate(resolve))
        await behave(job, context)
      } finally {
        running.delete(job.orderingKey)
      }
    },
  }
}

async function expectNothingLeft(place: Place): Promise<void> {
  const { parked, ordering, live, delayed, delayedJobs } = place.keys
  await eventually(
    async () => (await place.send('EXISTS', parked, ordering, live, delayed, delayedJobs)) === 0,
  )
}

describe('jobs of one ordering key', () => {
  test('run one at a time and in order, whatever their priority and whoever runs them', async ({ place }) => {
    const queue = place.createQueue()
    const recorder = createRecorder()
    for (let n = 0; n < 3; n++) await place.startWorker({ work: recorder.work })
    const priorities = ['low', 'high', 'default'] as const
    for (const job of jobs(60))
      await queue.enqueue('work', job.data, {
        orderingKey: 'k',
        priority: priorities[job.data % 3] ?? 'default',
      })
    await eventually(() => recorder.runs.length === 60)
    expect(recorder.runs).toEqual(range(60))
    expect(recorder.overlaps).toBe(0)
    await expectNothingLeft(place)
  })

  test('do not hold up those of other keys, or of none', async ({ place }) => {
    const queue = place.createQueue()
    const gate = createGate()
    place.onEnd(gate.open)
    const done: number[] = []
    await place.startWorker({
      work: async ({ data }) => {
        if (data === 0) await gate.opened
        done.push(data)
      },
    })
    for (const [data, orderingKey] of ['a', 'a', 'b', undefined].entries())
      await queue.enqueue('work', data, orderingKey === undefined ? {} : { orderingKey })
    await eventually(() => done.length === 2)
    expect(done.toSorted((a, b) => a - b)).toEqual([2, 3])
    gate.open()
    await eventually(() => done.length === 4)
    expect(done.slice(2)).toEqual([0, 1])
  })

  test('wait while one of them waits for its retry', async ({ place }) => {
    const queue = place.createQueue()
    const recorder = createRecorder(({ data, attempt }) => {
      if (data === 1 && attempt < 3) throw new RetryError('later', { delayMs: attempt === 1 ? 40 : 0 })
    })
    await place.startWorker({ work: recorder.work })
    await queue.enqueueMany(jobs(4).map((job) => ({ ...job, orderingKey: 'k' })))
    await eventually(() => recorder.runs.length === 6)
    expect(recorder.runs).toEqual([0, 1, 1, 1, 2, 3])
    await expectNothingLeft(place)
  })

  test('go on when one of them becomes a dead letter; redriven it goes to the end', async ({ place }) => {
    const queue = place.createQueue()
    let redriven = false
    const gate = createGate()
    place.onEnd(gate.open)
    const recorder = createRecorder(async ({ data }) => {
      if (data === 1 && !redriven) throw new UnrecoverableError('no')
      if (data === 2) await gate.opened
    })
    await place.startWorker({ work: recorder.work })
    await queue.enqueueMany(jobs(4).map((job) => ({ ...job, orderingKey: 'k' })))
    await eventually(() => recorder.runs.includes(2))
    redriven = true
    expect(await queue.redrive()).toEqual({ redriven: 1, skipped: 0 })
    gate.open()
    await eventually(() => recorder.runs.length === 5)
    expect(recorder.runs).toEqual([0, 1, 2, 3, 1])
    expect(recorder.overlaps).toBe(0)
    await expectNothingLeft(place)
  })

  test('keep their order through a worker that dies', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueueMany(jobs(3).map((job) => ({ ...job, orderingKey: 'k' })))
    await place.send('XGROUP', 'CREATE', place.keys.streams[1], 'workers', '0')
    await place.send('XREADGROUP', 'GROUP', 'workers', 'dead', 'STREAMS', place.keys.streams[1], '>')
    const recorder = createRecorder()
    await place.startWorker({ work: recorder.work }, { visibilityMs: 200 })
    await eventually(() => recorder.runs.length === 3)
    expect(recorder.runs).toEqual([0, 1, 2])
    await expectNothingLeft(place)
  })

  test('keep their order through stops of their worker', async ({ place }) => {
    const queue = place.createQueue()
    const recorder = createRecorder(({ data }, { signal }) =>
      Number(data) % 2 === 0 && !signal.aborted
        ? new Promise<void>((resolve, reject) => {
            const timer = setTimeout(resolve, 15)
            signal.addEventListener('abort', () => {
              clearTimeout(timer)
              reject(signal.reason as Error)
            })
          })
        : undefined,
    )
    await queue.enqueueMany(jobs(20).map((job) => ({ ...job, orderingKey: 'k' })))
    for (let n = 1; n <= 3; n++) {
      const worker = await place.startWorker({ work: recorder.work })
      await eventually(() => recorder.runs.length >= n * 4)
      await worker.stop({ graceMs: 0 })
    }
    await place.startWorker({ work: recorder.work })
    await eventually(async () => recorder.runs.at(-1) === 19)
    // An interrupted job is run again before any other: no number is smaller than the one before it.
    expect(recorder.runs.filter((data, at) => data < (recorder.runs[at - 1] ?? 0))).toEqual([])
    expect(new Set(recorder.runs).size).toBe(20)
    await expectNothingLeft(place)
  })

  test('which are delayed keep no others waiting until they are due', async ({ place }) => {
    const queue = place.createQueue()
    const recorder = createRecorder()
    await place.startWorker({ work: recorder.work })
    await queue.enqueue('work', 1, { orderingKey: 'k', delayMs: 150 })
    await queue.enqueue('work', 2, { orderingKey: 'k' })
    await eventually(() => recorder.runs.length === 2)
    expect(recorder.runs).toEqual([2, 1])
    await expectNothingLeft(place)
  })
})

test('a job that comes while one of its key waits for its retry waits too', async ({ place }) => {
  const queue = place.createQueue()
  const recorder = createRecorder(({ data, attempt }) => {
    if (data === 1 && attempt === 1) throw new RetryError('later', { delayMs: 3_600_000 })
  })
  const worker = await place.startWorker({ work: recorder.work })
  const { id } = await queue.enqueue('work', 1, { orderingKey: 'k' })
  await eventually(() => worker.counters.retried === 1)
  await queue.enqueue('work', 2, { orderingKey: 'k' })
  await unpark(place.part)
  expect(await queue.stats()).toMatchObject({ delayed: 1, parked: 1, ready: 0 })
  await queue.reschedule(id, { delayMs: 0 })
  await eventually(() => recorder.runs.length === 3)
  expect(recorder.runs).toEqual([1, 1, 2])
  await expectNothingLeft(place)
})

describe('a key held by a job that somebody deleted', () => {
  const holders = [
    ['an id of its producer’s', { id: 'holder' }],
    ['an id that was made', {}],
  ] as const

  test.for(holders)(
    'with %s goes on when the next job of the key comes, those that waited first',
    async ([, own], { place }) => {
      const queue = place.createQueue()
      await queue.enqueue('work', 1, { ...own, orderingKey: 'k' })
      await queue.enqueue('work', 2, { orderingKey: 'k' })
      await place.send('XTRIM', place.keys.streams[1], 'MAXLEN', 0)
      await queue.enqueue('work', 3, { orderingKey: 'k' })
      const recorder = createRecorder()
      await place.startWorker({ work: recorder.work })
      await eventually(() => recorder.runs.length === 2)
      expect(recorder.runs).toEqual([2, 3])
      await expectNothingLeft(place)
    },
  )

  test.for(holders)(
    'with %s goes on within the time of a janitor when no other job comes',
    async ([, own], { place }) => {
      const queue = place.createQueue()
      await queue.enqueue('work', 1, { ...own, orderingKey: 'k' })
      await queue.enqueue('work', 2, { orderingKey: 'k' })
      await queue.enqueue('work', 3, { orderingKey: 'other' })
      await queue.enqueue('work', 4, { orderingKey: 'other' })
      await unpark(place.part)
      expect(await queue.stats()).toMatchObject({ ready: 2, parked: 2 })
      const [[entryId] = ['']] = await place.send<[string][]>('XRANGE', place.keys.streams[1], '-', '+')
      await place.send('XDEL', place.keys.streams[1], entryId)
      await unpark(place.part)
      expect(await queue.stats()).toMatchObject({ ready: 2, parked: 1 })
      const recorder = createRecorder()
      await place.startWorker({ work: recorder.work })
      await eventually(() => recorder.runs.length === 3)
      expect(sorted(recorder.runs)).toEqual([2, 3, 4])
      await expectNothingLeft(place)
    },
  )

  test('goes on when a worker starts', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 1, { orderingKey: 'k' })
    await queue.enqueue('work', 2, { orderingKey: 'k' })
    await place.send('XTRIM', place.keys.streams[1], 'MAXLEN', 0)
    const recorder = createRecorder()
    await place.startWorker({ work: recorder.work })
    await eventually(() => recorder.runs.length === 1)
    expect(recorder.runs).toEqual([2])
    await expectNothingLeft(place)
  })

  test.for(holders)('with %s goes on although it waited for its retry', async ([, own], { place }) => {
    const queue = place.createQueue()
    const work = (): never => {
      throw new RetryError('later', { delayMs: 3_600_000 })
    }
    const worker = await place.startWorker({ work })
    await queue.enqueue('work', 1, { ...own, orderingKey: 'k' })
    await eventually(() => worker.counters.retried === 1)
    await worker.stop()
    await place.send('DEL', place.keys.delayed, place.keys.delayedJobs)
    await queue.enqueue('work', 2, { orderingKey: 'k' })
    expect(await queue.stats()).toMatchObject({ ready: 1, parked: 0 })
  })

  test.for(holders)('with %s stays with it while a worker runs it', async ([, own], { place }) => {
    const queue = place.createQueue()
    const consumer = createConsumer<TestJobs>(place.redis, place.name, { prefix: place.prefix })
    place.onEnd(() => consumer.close())
    await queue.enqueue('work', 1, { ...own, orderingKey: 'k' })
    const [lease] = await consumer.claim()
    if (lease === undefined) throw new Error('nothing to claim')
    await place.send('XDEL', place.keys.streams[1], lease.fence.entryId)
    await queue.enqueue('work', 2, { orderingKey: 'k' })
    expect(await queue.stats()).toMatchObject({ ready: 0, parked: 1 })
    await consumer.ack(lease)
    expect(await queue.stats()).toMatchObject({ ready: 1, parked: 0 })
  })
})

test('a job that somebody has damaged while it waited behind its key becomes a dead letter, and the next one runs', async ({
  place,
}) => {
  const queue = place.createQueue()
  await queue.enqueueMany(jobs(3).map((job) => ({ ...job, orderingKey: 'k' })))
  const [waiting = ''] = await place.send<string[]>('ZRANGE', place.keys.parked, 0, 0)
  await place.send('ZREM', place.keys.parked, waiting)
  await place.send('ZADD', place.keys.parked, 0, waiting.slice(0, 30))
  const recorder = createRecorder()
  await place.startWorker({ work: recorder.work })
  await eventually(() => recorder.runs.length === 2)
  expect(recorder.runs).toEqual([0, 2])
  expect(await queue.deadLetters()).toMatchObject([
    { cause: 'undecodable', fields: { envelope: waiting.slice(0, 30) } },
  ])
  await expectNothingLeft(place)
})

test('a key may be of any letters, and one is not the beginning of another', async ({ place }) => {
  const queue = place.createQueue()
  const keys = ['a', 'a ', 'a:', 'ab', '"', '\\', 'ключ', '💶', 'x'.repeat(255)]
  const recorder = createRecorder()
  const many = keys.flatMap((orderingKey) => jobs(3).map((job) => ({ ...job, orderingKey })))
  await queue.enqueueMany(many)
  expect(await queue.stats()).toMatchObject({ ready: keys.length, parked: 2 * keys.length })
  await place.startWorker({ work: recorder.work })
  await eventually(() => recorder.runs.length === many.length)
  expect(recorder.overlaps).toBe(0)
  await expectNothingLeft(place)
})

test('data of any shape waits behind a key unharmed', async ({ place }) => {
  const texts = ['line\nbreak', '\u0000\u0001', 'ключ "quoted"', '', '💶\r\n']
  const queue = place.createQueue<{ work: string }>()
  const seen: string[] = []
  for (const text of texts) await queue.enqueue('work', text, { orderingKey: 'k' })
  await place.startWorker<{ work: string }>({ work: ({ data }) => void seen.push(data) })
  await eventually(() => seen.length === texts.length)
  expect(seen).toEqual(texts)
})
