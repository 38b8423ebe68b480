import { describe, expect, test } from 'vitest'
import {
  createConsumer,
  createInspector,
  createQueue,
  createWorker,
  exponential,
  RetryError,
  type RedisClient,
} from '../src/index.ts'
import { findWrongMember } from '../src/model/members.ts'
import { createTestClock, drain, recordEvents, waitForStats } from '../src/testing.ts'

const unused = { isReady: true } as RedisClient
const queue = createQueue(unused, 'q')
const handlers = { work: () => undefined }
const worker = createWorker(unused, 'q', handlers)
const consumer = createConsumer(unused, 'q')
const stats = { name: 'q', stats: () => Promise.reject(new Error('not asked')) }

/** Calls without types, as JavaScript makes them. */
type Call = (options: never) => unknown

const CALLS: readonly (readonly [name: string, call: Call, known: object])[] = [
  ['createQueue', (options) => createQueue(unused, 'q', options), { maxLength: undefined }],
  ['defaults', (defaults) => createQueue(unused, 'q', { defaults }), { priority: 'low', maxAttempts: 2 }],
  ['createWorker', (options) => createWorker(unused, 'q', handlers, options), { concurrency: undefined }],
  ['createConsumer', (options) => createConsumer(unused, 'q', options), { partition: undefined }],
  ['createInspector', (options) => createInspector(unused, 'q', options), { prefix: undefined }],
  ['createTestClock', (options) => createTestClock(unused, 'q', options), { prefix: undefined }],
  ['exponential', (options) => exponential(options), { jitter: undefined }],
  ['rateLimit', (rateLimit) => createWorker(unused, 'q', handlers, { rateLimit }), { max: 1, perMs: 1 }],
  [
    'priorities',
    (priorities) => createWorker(unused, 'q', handlers, { priorities }),
    { high: 1, default: 1, low: 1 },
  ],
  ['deadLetters', (deadLetters) => createWorker(unused, 'q', handlers, { deadLetters }), { maxCount: 1 }],
  ['RetryError', (options) => new RetryError('busy', options), { delayMs: 1, cause: undefined }],
  ['enqueue', (options) => queue.enqueue('work' as never, 1, options), {}],
  ['backoff', (backoff) => queue.enqueue('work' as never, 1, { backoff }), {}],
  ['Job 0 of enqueueMany', (job) => queue.enqueueMany([job]), {}],
  ['schedule', (options) => queue.schedule('key', { cron: '* * * * *' }, 'work' as never, 1, options), {}],
  ['The recurrence of schedule', (when) => queue.schedule('key', when, 'work' as never, 1), {}],
  ['reschedule', (when) => queue.reschedule('id', when), {}],
  ['deadLetters', (options) => queue.deadLetters(options), {}],
  ['redrive', (options) => queue.redrive(options), {}],
  ['pause', (options) => queue.pause(options), {}],
  ['stop', (options) => worker.stop(options), {}],
  ['claim', (options) => consumer.claim(options), {}],
  ['retry', (options) => consumer.retry({} as never, options), {}],
  ['deadLetter', (options) => consumer.deadLetter({} as never, options), {}],
  ['drain', (options) => drain(unused, 'q', handlers, options), {}],
  ['waitForStats', (options) => waitForStats(stats, () => true, options), {}],
  ['waitFor', (options) => recordEvents().waitFor('warning', options), {}],
]

async function refusalOf(act: () => unknown): Promise<unknown> {
  try {
    await act()
    return undefined
  } catch (error) {
    return error
  }
}

describe.each(CALLS)('the options of %s', (name, call, known) => {
  test.each(['bogus', 'constructor', 'toString', '__proto__', ' id'])(
    // F211 a call gets an option that it does not know: another library’s name, a typo, or one that belongs
    //  to another call: every call refuses it with `INVALID_OPTIONS`, names it, and says what to write
    //  instead; nothing is stored
    'without a member %j',
    async (member) => {
      const options: unknown = JSON.parse(`{${JSON.stringify(member)}: 1}`)
      expect(await refusalOf(() => call(options as never))).toMatchObject({
        code: 'INVALID_OPTIONS',
        message: expect.stringContaining(`${name} has no option ${JSON.stringify(member)}: `),
      })
    },
  )

  // F212
  test.each([null, 5, 'text', [[]]])('are no %j', async (options) => {
    expect(await refusalOf(() => call(options as never))).toMatchObject({ code: 'INVALID_OPTIONS' })
  })

  test('may have known members that are undefined', async () => {
    expect(
      findWrongMember(name, known, Object.fromEntries(Object.keys(known).map((key) => [key, true]))),
    ).toBe(undefined)
    if (Object.keys(known).length > 0) expect(await refusalOf(() => call(known as never))).toBe(undefined)
  })
})

describe('an unknown option', () => {
  const enqueue = (options: object) => queue.enqueue('work' as never, 1, options)
  const work = (options: object) => createWorker(unused, 'q', handlers, options)

  test.each([
    [enqueue, { jobId: 'a' }, 'enqueue has no option "jobId": use "id"'],
    [
      (options: object) => createQueue(unused, 'q', options),
      { defaultJobOptions: {} },
      'createQueue has no option "defaultJobOptions": use "defaults"',
    ],
    [
      (defaults: object) => createQueue(unused, 'q', { defaults }),
      { attempts: 3 },
      'defaults has no option "attempts": use "maxAttempts"',
    ],
    [(defaults: object) => createQueue(unused, 'q', { defaults }), { maxAttempts: 0 }, 'maxAttempts must be'],
    [(defaults: object) => createQueue(unused, 'q', { defaults }), { priority: 1 }, 'not a number'],
    [enqueue, { attempts: 3 }, 'enqueue has no option "attempts": use "maxAttempts"'],
    [enqueue, { delay: 3 }, 'enqueue has no option "delay": use "delayMs"'],
    [enqueue, { delayMS: 3 }, 'enqueue has no option "delayMS": use "delayMs"'],
    [enqueue, { timeout: 3 }, 'enqueue has no option "timeout": use "timeoutMs"'],
    [enqueue, { orderngKey: 'k' }, 'enqueue has no option "orderngKey": use "orderingKey"'],
    [enqueue, { groupId: 'k' }, 'enqueue has no option "groupId": use "orderingKey"'],
    [enqueue, { startAfter: 3 }, 'enqueue has no option "startAfter": use "runAt"'],
    [enqueue, { removeOnComplete: true }, 'a finished job leaves nothing'],
    [enqueue, { removeOnFail: true }, 'deadLetters of createWorker'],
    [enqueue, { repeat: {} }, 'queue.schedule('],
    [enqueue, { rateLimit: {} }, 'it is an option of createWorker'],
    [enqueue, { backoff: { type: 'fixed', delay: 5 } }, 'backoff has no option "delay": use "delayMs"'],
    [enqueue, { priority: 1 }, 'a priority is one of these names, not a number'],
    [
      (job: object) => queue.enqueueMany([job as never]),
      { name: 'work', data: 1, opts: {} },
      'next to name and data',
    ],
    [(job: object) => queue.enqueueMany([job as never]), { name: 'work', data: 1, jobId: 'a' }, 'use "id"'],
    [work, { lockDuration: 3 }, 'createWorker has no option "lockDuration": use "visibilityMs"'],
    [work, { removeOnFail: { count: 5 } }, 'createWorker has no option "removeOnFail": use "deadLetters"'],
    [work, { deadLetters: { age: 5 } }, 'use "maxAgeMs"'],
    [work, { limiter: {} }, 'createWorker has no option "limiter": use "rateLimit"'],
    [work, { maxStalledCount: 3 }, 'use "maxCrashes"'],
    [work, { maxLength: 3 }, 'it is an option of createQueue'],
    [work, { connection: {} }, 'the connected client is the first argument'],
    [work, { rateLimit: { max: 1, duration: 5 } }, 'rateLimit has no option "duration": use "perMs"'],
    [
      (options: object) => createQueue(unused, 'q', options),
      { concurrency: 3 },
      'it is an option of createWorker',
    ],
    [(options: object) => new RetryError('busy', options as never), { delay: 5 }, 'use "delayMs"'],
    [(options: object) => worker.stop(options), { timeout: 5 }, 'use "graceMs"'],
    [(when: object) => queue.schedule('k', when as never, 'work' as never, 1), { pattern: '' }, 'use "cron"'],
    [
      (when: object) => queue.schedule('k', when as never, 'work' as never, 1),
      { every: 5 },
      'cron expression',
    ],
    [
      (options: object) => queue.schedule('k', { cron: '* * * * *' }, 'work' as never, 1, options),
      { jobId: 'a' },
      'each slot of the schedule sets it',
    ],
    // F211
  ])('%o %j is refused with advice', async (act, options, advice) => {
    expect(await refusalOf(() => act(options))).toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringContaining(advice),
    })
  })
})

test.each([
  [{}],
  [{ delayMs: undefined }],
  [{ runAt: undefined, delayMs: undefined }],
  [{ delayMs: null }],
  [{ delayMs: 1, runAt: 1 }],
  // F212 `reschedule` gets no time, or two; options are `null`, a number or a list: `INVALID_OPTIONS` before
  //  anything is sent
])('reschedule to %j is refused', async (when) => {
  expect(await refusalOf(() => queue.reschedule('id', when as never))).toMatchObject({
    code: 'INVALID_OPTIONS',
  })
})
