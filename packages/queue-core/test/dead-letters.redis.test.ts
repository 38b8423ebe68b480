import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import { createInspector, type DeadLetter, type JobOptions, type Queue } from '../src/index.ts'
import { jobs, range, sorted } from './support/collect.ts'
import { createGate } from './support/gate.ts'
import { test, type Place, type TestJobs } from './support/place.ts'

/** Makes dead letters of jobs with the numbers from 0 as data, in this order. */
async function bury(place: Place, count: number, options: JobOptions = {}): Promise<Queue<TestJobs>> {
  const queue = place.createQueue()
  const worker = await place.startWorker(
    { work: ({ data }) => Promise.reject(new Error(`boom ${data}`)) },
    { maxAttempts: 1, concurrency: 1 },
  )
  await queue.enqueueMany(jobs(count).map((job) => ({ ...job, ...options })))
  await eventually(() => worker.counters.deadLettered === count)
  await worker.stop()
  return queue
}

/** Runs what is ready and answers the data of it. */
async function drain(place: Place, queue: Queue<TestJobs>): Promise<number[]> {
  const done: number[] = []
  const worker = await place.startWorker({ work: ({ data }) => void done.push(data) })
  await eventually(async () => {
    const { ready, leased, parked } = await queue.stats()
    return ready + leased + parked === 0
  })
  await worker.stop()
  return done
}

const dataOf = (letters: readonly DeadLetter[]): unknown[] => letters.map(({ data }) => data)

describe('dead letters', () => {
  test('of a priority that is none count as of the default one', async ({ place }) => {
    const queue = await bury(place, 1)
    const evidence = JSON.stringify({ id: 'mine', priority: 'urgent' })
    await place.send('XADD', place.keys.dlq, '*', 'n', 'work', 'd', '5', 'e', evidence)
    expect((await queue.deadLetters()).map(({ priority }) => priority)).toEqual(['default', 'default'])
    expect(await queue.redrive()).toEqual({ redriven: 2, skipped: 0 })
  })

  test('are read page by page, oldest first', async ({ place }) => {
    const queue = await bury(place, 5)
    const first = await queue.deadLetters({ count: 2 })
    const second = await queue.deadLetters({ count: 2, after: first.at(-1)?.letterId ?? '' })
    const rest = await queue.deadLetters({ after: second.at(-1)?.letterId ?? '' })
    expect([first, second, rest].map(dataOf)).toEqual([[0, 1], [2, 3], [4]])
    expect(await queue.deadLetters({ after: rest.at(-1)?.letterId ?? '' })).toEqual([])
  })

  test('are looked at one by one', async ({ place }) => {
    const queue = await bury(place, 2)
    const [letter] = await queue.deadLetters()
    expect(await queue.peekDeadLetter(letter?.letterId ?? '')).toEqual(letter)
    for (const none of ['0-1', 'nonsense', '', '9-9.9', `${letter?.letterId}1`])
      expect(await queue.peekDeadLetter(none)).toBeUndefined()
  })

  test('are deleted for good', async ({ place }) => {
    const queue = await bury(place, 3)
    const [first, second] = await queue.deadLetters()
    const ids = [first, second].map((letter) => letter?.letterId ?? '')
    expect(await queue.deleteDeadLetters([...ids, '0-1', 'nonsense'])).toBe(2)
    expect(await queue.deleteDeadLetters(ids)).toBe(0)
    expect(dataOf(await queue.deadLetters())).toEqual([2])
  })
})

describe('a redrive', () => {
  // F45
  test('makes all ready again, more than a page of them', async ({ place }) => {
    const queue = await bury(place, 250)
    expect(await queue.redrive()).toEqual({ redriven: 250, skipped: 0 })
    expect(await queue.stats()).toMatchObject({ dead: 0, ready: 250 })
    expect(await drain(place, queue)).toHaveLength(250)
  })

  test('gives jobs fresh counts, and keeps id, data, options and where they came from', async ({ place }) => {
    const queue = await bury(place, 1, { id: 'mine', maxAttempts: 1, priority: 'high' })
    const [letter] = await queue.deadLetters()
    await queue.redrive()
    const seen: unknown[] = []
    const worker = await place.startWorker({
      work: (job) => {
        seen.push(job)
        throw new Error('again')
      },
    })
    const again = await eventually(async () => (await queue.deadLetters())[0] ?? false)
    await worker.stop()
    expect(seen).toMatchObject([{ id: 'mine', data: 0, attempt: 1, maxAttempts: 1, priority: 'high' }])
    expect(again).toMatchObject({ id: 'mine', failures: 1, redrives: 1, history: [{ error: 'again' }] })
    expect(again.enqueuedAt).toBe(letter?.enqueuedAt)
    expect(JSON.parse(again.fields['m'] ?? '')).toMatchObject({ origin: letter?.letterId })
  })

  test('takes the letters that are named', async ({ place }) => {
    const queue = await bury(place, 4)
    const letters = await queue.deadLetters()
    const letterIds = [letters[3], letters[1]].map((letter) => letter?.letterId ?? '')
    expect(await queue.redrive({ letterIds: [...letterIds, letterIds[0] ?? '', '0-1'] })).toEqual({
      redriven: 2,
      skipped: 1,
    })
    expect(sorted(await drain(place, queue))).toEqual([1, 3])
  })

  test('takes those that a filter accepts, up to a limit', async ({ place }) => {
    const queue = await bury(place, 10)
    const isEven = ({ data }: DeadLetter): boolean => Number(data) % 2 === 0
    expect(await queue.redrive({ filter: isEven, limit: 3 })).toEqual({ redriven: 3, skipped: 0 })
    expect(sorted(await drain(place, queue))).toEqual([0, 2, 4])
    expect(await queue.redrive({ limit: 0 })).toEqual({ redriven: 0, skipped: 0 })
    expect((await queue.stats()).dead).toBe(7)
  })

  test('reaches its limit past letters that have to be skipped', async ({ place }) => {
    for (let n = 0; n < 3; n++) await place.send('XADD', place.keys.dlq, '*', 'who', 'knows')
    const queue = await bury(place, 4)
    expect(await queue.redrive({ limit: 3 })).toEqual({ redriven: 3, skipped: 3 })
  })

  test('side by side with another adds no job twice', async ({ place }) => {
    const queue = await bury(place, 300)
    const both = await Promise.all([queue.redrive(), place.createQueue().redrive()])
    expect(both.reduce((sum, { redriven }) => sum + redriven, 0)).toBe(300)
    expect(await queue.stats()).toMatchObject({ dead: 0, ready: 300 })
    expect(sorted(await drain(place, queue))).toEqual(range(300))
  })

  test('leaves letters alone whose job is alive or done already', async ({ place }) => {
    const queue = place.createQueue()
    const evidence = JSON.stringify({ id: 'mine', cause: 'handler_error', error: 'boom' })
    // Twice the same letter, as after a restore of older data.
    for (let n = 0; n < 2; n++)
      await place.send(
        'XADD',
        place.keys.dlq,
        '*',
        'n',
        'work',
        'd',
        '0',
        'm',
        '{"id":"mine","dedupe":1}',
        'e',
        evidence,
      )
    expect(await queue.redrive()).toEqual({ redriven: 1, skipped: 1 })
    expect(await drain(place, queue)).toEqual([0])
    expect(await queue.redrive()).toEqual({ redriven: 0, skipped: 1 })
    expect((await queue.stats()).dead).toBe(1)
  })

  test('leaves what could not be decoded, and what others wrote', async ({ place }) => {
    const queue = place.createQueue()
    const worker = await place.startWorker({ work: () => undefined })
    await place.send('XADD', place.keys.streams[1], '*', 'who', 'knows')
    await place.send('XADD', place.keys.streams[1], '*', 'n', 'work', 'd', '{broken')
    await place.send('XADD', place.keys.dlq, '*', 'n', 'work', 'd', '1')
    for (const evidence of ['{"id":5}', '{"id":"a\\nb"}', 'null'])
      await place.send('XADD', place.keys.dlq, '*', 'n', 'work', 'd', '1', 'e', evidence)
    await eventually(async () => (await queue.stats()).dead === 6)
    await worker.stop()
    expect(await queue.redrive()).toEqual({ redriven: 0, skipped: 6 })
    expect(await queue.deadLetters()).toHaveLength(6)
  })

  test('of a full queue says so and loses no letter', async ({ place }) => {
    await bury(place, 5)
    const queue = place.createQueue({ maxLength: 2 })
    await expect(queue.redrive()).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    expect(await queue.stats()).toMatchObject({ ready: 2, dead: 3 })
  })

  test('ends although its jobs die again at once', async ({ place }) => {
    const queue = await bury(place, 250)
    const worker = await place.startWorker(
      { work: () => Promise.reject(new Error('again')) },
      { maxAttempts: 1 },
    )
    expect(await queue.redrive({ ratePerSecond: 5_000 })).toEqual({ redriven: 250, skipped: 0 })
    await eventually(async () => (await queue.stats()).dead === 250)
    await worker.stop()
    expect((await queue.deadLetters({ count: 250 })).every(({ redrives }) => redrives === 1)).toBe(true)
  })

  test('keeps to its rate by the server’s clock', async ({ place }) => {
    const queue = await bury(place, 20)
    await queue.redrive({ ratePerSecond: 40 })
    const entries = await place.send<[string][]>('XRANGE', place.keys.streams[1], '-', '+')
    const times = entries.map(([id]) => Number(id.split('-')[0]))
    const [first = 0] = times
    // A tenth of a second's worth goes together.
    for (const [n, at] of times.entries()) expect(n).toBeLessThanOrEqual(4 + ((at - first) * 40) / 1_000 + 1)
  })

  test('ends early when its signal aborts', async ({ place }) => {
    const queue = await bury(place, 20)
    const abort = new AbortController()
    const redriven = queue.redrive({ ratePerSecond: 10, signal: abort.signal })
    await eventually(async () => (await queue.stats()).ready > 0)
    abort.abort()
    const { redriven: count } = await redriven
    expect(count).toBeLessThan(20)
    expect((await queue.stats()).dead).toBe(20 - count)
  })
})

// F27
test('a letter that the server refuses keeps no other job from its end', async ({ place }) => {
  const queue = place.createQueue()
  const gate = createGate()
  const runs: number[] = []
  const work = async ({ data }: { readonly data: number }): Promise<void> => {
    runs.push(data)
    await gate.opened
    if (data === 1) throw new Error('boom')
  }
  // Its leases outlast the test: nothing ends by running out.
  const worker = await place.startWorker({ work }, { maxAttempts: 1, visibilityMs: 300_000 })
  await place.send('SET', place.keys.dlq, 'no stream')
  await queue.enqueueMany(jobs(3).map((job) => ({ ...job, id: `job-${job.data}` })))
  await eventually(() => runs.length === 3)
  gate.open()
  await eventually(() => worker.counters.completed === 2)
  await eventually(() => place.eventsOf('settleUnknown').length === 1)
  expect(place.eventsOf('settleUnknown')).toMatchObject([{ job: { id: 'job-1' } }])
  expect(place.eventsOf('error')).toMatchObject([
    { during: 'settle', error: { message: expect.stringContaining('WRONGTYPE') } },
  ])
  expect(runs.toSorted((a, b) => a - b)).toEqual([0, 1, 2])
})

test('a job that is dead on arrival is counted as one', async ({ place }) => {
  const queue = place.createQueue()
  const failing = async (): Promise<never> => Promise.reject(new Error('boom'))
  await queue.enqueue('work', 1)
  await place.send('XGROUP', 'CREATE', place.keys.streams[1], 'workers', '0')
  await place.send('XREADGROUP', 'GROUP', 'workers', 'dead', 'STREAMS', place.keys.streams[1], '>')
  const worker = await place.startWorker(
    { work: failing },
    { visibilityMs: 200, maxCrashes: 1, maxAttempts: 1 },
  )
  await eventually(() => worker.counters.deadLettered === 1)
  await queue.enqueue('work', 2)
  await eventually(() => worker.counters.deadLettered === 2)
  expect(place.eventsOf('deadLettered').map(({ cause }) => cause)).toEqual(['worker_crash', 'handler_error'])
})

test.for([
  ...[2.5, NaN, -1, '3'].map((limit) => ({ limit })),
  ...[0, -1, NaN, '5'].map((ratePerSecond) => ({ ratePerSecond })),
  // F190 a number is no number, negative, fractional or a text: `limit` and `ratePerSecond` of a redrive,
  //  `count` of a page, a backoff, `graceMs`, `blockMs`: `INVALID_OPTIONS`, nothing is done, the process does
  //  not hang
])('a redrive with %o is refused', async (options, { place }) => {
  const queue = place.createQueue()
  await expect(queue.redrive(options as object)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
})

test('a redrive at a tiny rate waits, and ends by its signal', async ({ place }) => {
  const queue = place.createQueue()
  await queue.enqueueMany(jobs(3))
  const worker = await place.startWorker(
    { work: () => Promise.reject(new Error('boom')) },
    { maxAttempts: 1 },
  )
  await eventually(() => worker.counters.deadLettered === 3)
  await worker.stop()
  const abort = new AbortController()
  const redriving = queue.redrive({ ratePerSecond: 1e-7, signal: abort.signal })
  await eventually(async () => (await queue.stats()).ready === 1)
  await new Promise((resolve) => setTimeout(resolve, 100))
  abort.abort()
  expect(await redriving).toMatchObject({ redriven: 1 })
})

// F190
test.for([2.5, NaN, -1, Infinity, '3'])('a page of %s is refused', async (count, { place }) => {
  const queue = place.createQueue()
  const number = count as number
  await expect(queue.deadLetters({ count: number })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  const inspector = createInspector(place.redis, place.name, { prefix: place.prefix })
  await expect(inspector.peek('ready', number)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
})
