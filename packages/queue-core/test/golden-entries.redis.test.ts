import { eventually } from '@titan/testkit'
import { expect } from 'vitest'
import type { Job } from '../src/index.ts'
import { RetryError, UnrecoverableError } from '../src/index.ts'
import {
  GOLDEN_ENTRIES,
  GOLDEN_ENVELOPE,
  GOLDEN_LETTER,
  GOLDEN_LIVE,
  GOLDEN_SCHEDULE,
  GOLDEN_SLOT,
} from './support/golden-entries.ts'
import { test, type Place } from './support/place.ts'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

interface GoldenJobs {
  work: unknown
  pay: { readonly payment_id: string }
}

/** Moments are all that differ from run to run. */
const timeless = (text: string): string => text.replaceAll(/"(at|enqueuedAt)":\d+/g, '"$1":0')

/** Runs what is there and answers the jobs as their handlers saw them. */
async function runAll(place: Place, count: number): Promise<Job[]> {
  const seen: Job[] = []
  const see = (job: Job): void => void seen.push(job)
  await place.startWorker<GoldenJobs>({ work: see, pay: see })
  await eventually(() => seen.length === count)
  await eventually(async () =>
    expect(await place.createQueue().stats()).toMatchObject({ ready: 0, leased: 0, delayed: 0, dead: 0 }),
  )
  return seen
}

const fieldsOf = async (place: Place, stream: string): Promise<string[][]> =>
  (await place.send<[string, string[]][]>('XRANGE', stream, '-', '+')).map(([, fields]) => fields)

test('entries are written as they always were', async ({ place }) => {
  const queue = place.createQueue<GoldenJobs>()
  await queue.enqueue('work', 7)
  await queue.enqueue('work', 7, { id: 'golden' })
  await queue.enqueue('work', 7, {
    id: 'golden-2',
    maxAttempts: 4,
    visibilityMs: 60_000,
    timeoutMs: 5_000,
    backoff: { type: 'fixed', delayMs: 10 },
    traceparent: TRACE,
  })
  const written = await fieldsOf(place, place.keys.streams[1])
  expect(written.map((fields) => fields.map((text) => text.replace('golden-2', 'golden')))).toEqual([
    GOLDEN_ENTRIES.plain,
    GOLDEN_ENTRIES.withId,
    GOLDEN_ENTRIES.withOptions,
  ])
})

test('a retry, a delayed job and a dead letter are written as they always were', async ({ place }) => {
  const queue = place.createQueue<GoldenJobs>()
  await queue.enqueue('work', 7, { id: 'golden', delayMs: 3_600_000, maxAttempts: 4 })
  expect(timeless(await place.send<string>('HGET', place.keys.delayedJobs, 'golden'))).toBe(
    timeless(GOLDEN_ENVELOPE),
  )
  expect(await place.send('HGET', place.keys.live, 'golden')).toBe(GOLDEN_LIVE)
  await queue.cancel('golden')

  await queue.enqueue('work', 'die', { id: 'dead' })
  await queue.enqueue('work', 'again', { id: 'again' })
  await place.startWorker<GoldenJobs>({
    work({ data }) {
      if (data === 'die') throw new UnrecoverableError('no')
      throw new RetryError('no', { delayMs: 3_600_000 })
    },
    pay: () => undefined,
  })
  await eventually(async () => expect(await queue.stats()).toMatchObject({ dead: 1, delayed: 1 }))
  const [letter = []] = await fieldsOf(place, place.keys.dlq)
  const golden = [...GOLDEN_LETTER].map((text) => text.replaceAll('golden', 'dead'))
  const shape = (text = ''): unknown => Object.keys(JSON.parse(text) as object)
  expect(letter.slice(0, 6)).toEqual(golden.with(3, '"die"').slice(0, 6))
  expect(letter[6]).toBe('e')
  expect(shape(letter[7])).toEqual(shape(GOLDEN_LETTER.at(-1)))
  const retried = await place.send<string>('HGET', place.keys.delayedJobs, 'again')
  expect(timeless(retried)).toBe(
    timeless(`2\nagain\n1\n\nwork\n${GOLDEN_ENTRIES.retried[5].replace('golden', 'again')}\n"again"`),
  )
})

test('a schedule and the marker of a finished job are written as they always were', async ({ place }) => {
  const queue = place.createQueue<GoldenJobs>()
  const recurrence = { cron: '0 3 * * *', timeZone: 'Europe/Berlin' }
  await queue.schedule('nightly', recurrence, 'work', 7, { priority: 'low' })
  expect(await place.send('HGET', place.keys.schedules, 'nightly')).toBe(GOLDEN_SCHEDULE)
  await queue.enqueue('work', 7, { id: 'golden' })
  const [[entryId] = ['']] = await place.send<[string][]>('XRANGE', place.keys.streams[1], '-', '+')
  await runAll(place, 1)
  expect(await place.send('GET', `${place.prefix}:{q}:processed:golden`)).toBe(entryId)
})

test('old entries are run as what they are', async ({ place }) => {
  for (const [index, fields] of Object.values(GOLDEN_ENTRIES).entries()) {
    const own = fields.map((text) => text.replace('"golden"', `"golden-${index}"`))
    await place.send('XADD', place.keys.streams[1], '*', ...own)
  }
  const [plain, withId, withOptions, retried, pay] = await runAll(place, 5)
  expect(plain).toMatchObject({ name: 'work', data: 7, attempt: 1, priority: 'default' })
  expect(withId).toMatchObject({ name: 'work', data: 7, attempt: 1 })
  expect(withId?.id).toBe('golden-1')
  expect(withOptions).toMatchObject({ maxAttempts: 4, traceparent: TRACE })
  expect(retried).toMatchObject({ attempt: 2, enqueuedAt: 1_764_000_000_000 })
  expect(pay).toMatchObject({
    id: 'pay_01a20d770e8b7c218847b6a6fbcd2f33.2',
    name: 'pay',
    data: { payment_id: 'pay_01a20d770e8b7c218847b6a6fbcd2f33' },
    maxAttempts: 20,
  })
})

test('an old delayed job becomes ready, and an old marker holds back a job that is done', async ({
  place,
}) => {
  await place.send('ZADD', place.keys.delayed, 1, 'golden')
  await place.send('HSET', place.keys.delayedJobs, 'golden', GOLDEN_ENVELOPE)
  await place.send('HSET', place.keys.live, 'golden', GOLDEN_LIVE)
  await place.send('SET', place.keys.processed('done'), '1764000000000-0')
  const queue = place.createQueue<GoldenJobs>()
  expect(await queue.enqueue('work', 7, { id: 'golden' })).toMatchObject({ duplicate: true })
  expect(await queue.enqueue('work', 7, { id: 'done' })).toMatchObject({ duplicate: true })

  expect(await runAll(place, 1)).toMatchObject([
    { id: 'golden', data: 7, attempt: 1, maxAttempts: 4, enqueuedAt: 1_764_000_000_000 },
  ])
  expect(await place.send('HEXISTS', place.keys.live, 'golden')).toBe(0)
})

test('an old dead letter is shown and redriven', async ({ place }) => {
  await place.send('XADD', place.keys.dlq, '*', ...GOLDEN_LETTER)
  const queue = place.createQueue<GoldenJobs>()
  expect(await queue.deadLetters()).toMatchObject([
    { id: 'golden', name: 'work', data: 7, cause: 'handler_error', error: 'no', failures: 1, redrives: 0 },
  ])
  expect(await queue.redrive()).toEqual({ redriven: 1, skipped: 0 })
  expect(await runAll(place, 1)).toMatchObject([{ id: 'golden', data: 7, attempt: 1 }])
})

test('an old schedule fires its slot, under the id that another version gives it', async ({ place }) => {
  await place.send('HSET', place.keys.schedules, 'nightly', GOLDEN_SCHEDULE)
  await place.send('ZADD', place.keys.slots, GOLDEN_SLOT.at, 'nightly')
  expect(await place.createQueue<GoldenJobs>().schedules()).toMatchObject([{ key: 'nightly', data: 7 }])
  expect(await runAll(place, 1)).toMatchObject([
    { id: GOLDEN_SLOT.jobId, name: 'work', data: 7, priority: 'low' },
  ])
})

test('what a newer version adds is passed over, and kept for it through a retry', async ({ place }) => {
  const meta = '{"id":"golden","dedupe":1,"ofTheFuture":{"x":[1]}}'
  await place.send('XADD', place.keys.streams[1], '*', 'v', '2', 'n', 'work', 'd', '7', 'm', meta, 'z', '')
  await place.send('XADD', place.keys.control, '*', 'e', 'ofTheFuture', 'v', '1', 'w', '2')
  let runs = 0
  await place.startWorker<GoldenJobs>({
    work() {
      if (++runs === 1) throw new RetryError('later', { delayMs: 3_600_000 })
    },
    pay: () => undefined,
  })
  await eventually(async () => expect(await place.createQueue().stats()).toMatchObject({ delayed: 1 }))
  const envelope = await place.send<string>('HGET', place.keys.delayedJobs, 'golden')
  expect(envelope).toContain('"ofTheFuture":{"x":[1]}')
  await place.send('ZADD', place.keys.delayed, 1, 'golden')
  await eventually(() => runs === 2)
  expect(place.eventsOf('deadLettered')).toEqual([])
})
