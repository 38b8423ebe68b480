import { describe, expect, test } from 'vitest'
import {
  createConsumer,
  createQueue,
  createWorker,
  exponential,
  fixed,
  type RedisClient,
} from '../src/index.ts'
import { resolveQueue, resolveWorker } from '../src/model/options.ts'

const unused = { isReady: true } as RedisClient

function messageOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    expect(error).toMatchObject({ name: 'QueueError', code: 'INVALID_OPTIONS' })
    return (error as Error).message
  }
  return 'accepted'
}

const handlers = { work: (): void => undefined }
const EXPECTED = 'Handlers must be an object with a function for each job name, or one function for all'

class Handlers {
  readonly more = (): void => undefined
  work(): void {}
}
class Derived extends Handlers {}

describe('a worker', () => {
  test('takes handlers without a prototype, instances whose handlers are their own, and one function', () => {
    const own = new (class {
      readonly work = (): void => undefined
    })()
    for (const sound of [handlers, Object.assign(Object.create(null), own), own, handlers.work])
      expect(messageOf(() => createWorker(unused, 'q', sound as never))).toBe('accepted')
  })

  test.each(['a\u0000b', '', 'lone \ud800', 'x'.repeat(256), 5])('is refused the name %j', (consumer) => {
    expect(messageOf(() => createWorker(unused, 'q', handlers, { consumer: consumer as never }))).toMatch(
      /^consumer must be/,
    )
  })

  test('without options has the documented defaults', () => {
    const { backoff, consumer, ...resolved } = resolveWorker('q', {})
    expect(consumer).toMatch(new RegExp(`-${process.pid}:[\\da-f]{8}:30000$`))
    expect(backoff(1, new Error('x'), {} as never)).toBeLessThanOrEqual(1_000)
    expect(resolved).toMatchInlineSnapshot(`
      {
        "allowEviction": false,
        "concurrency": 10,
        "deadLetters": undefined,
        "dedupeMs": 86400000,
        "group": "workers",
        "maxAttempts": 5,
        "maxCrashes": 3,
        "maxPrefetch": 500,
        "partitions": 1,
        "prefix": "titan",
        "rateLimit": undefined,
        "timeoutMs": 0,
        "visibilityMs": 30000,
        "weights": [
          6,
          3,
          1,
        ],
      }
    `)
  })

  test('may be strict about priorities, or have other weights', () => {
    expect(resolveWorker('q', { priorities: 'strict' }).weights).toBeUndefined()
    expect(resolveWorker('q', { priorities: { high: 9, default: 1, low: 1 } }).weights).toEqual([9, 1, 1])
  })

  test.each([
    [{ concurrency: 0 }],
    [{ concurrency: 1.5 }],
    [{ maxPrefetch: -1 }],
    [{ visibilityMs: 99 }],
    [{ visibilityMs: 86_400_001 }],
    [{ timeoutMs: NaN }],
    [{ maxAttempts: 0 }],
    [{ maxCrashes: 901 }],
    [{ dedupeMs: -1 }],
    [{ partitions: 257 }],
    [{ priorities: { high: 0, default: 1, low: 1 } }],
    [{ rateLimit: { max: 0, perMs: 1_000 } }],
    [{ rateLimit: { max: 1, perMs: 0 } }],
    [{ rateLimit: { max: 1 } as never }],
    [{ deadLetters: { maxCount: -1 } }],
    [{ deadLetters: { maxAgeMs: 0.5 } }],
    [{ priorities: { high: 1 } as never }],
    [{ priorities: 'weighted' as never }],
    [{ group: '' }],
    [{ prefix: 'a{b}' }],
  ])('is refused %j, and told why', (options) => {
    const message = messageOf(() => createWorker(unused, 'q', handlers, options))
    expect(message).toMatch(
      /must be a whole number (from \d+ to \d+|of at least \d+), got|is not valid: use 1–100/,
    )
    expect(message).toContain(Object.keys(options)[0])
  })

  test.each([
    [{ backoff: 500 }, 'backoff must be a function, got 500'],
    [{ onEvent: 'log' }, 'onEvent must be a function, got "log"'],
    [{ schemas: { work: {} } }, 'The schema of "work" is no Standard Schema (https://standardschema.dev)'],
  ])('is refused %j, which is of another kind', (options, message) => {
    expect(messageOf(() => createWorker(unused, 'q', handlers, options as never))).toBe(message)
  })

  test('is refused a value that JSON cannot write', () => {
    const act = () => createWorker(unused, 'q', handlers, { backoff: 500n as never })
    expect(messageOf(act)).toBe('backoff must be a function, got bigint')
  })

  test.each([
    [undefined, `${EXPECTED}, got undefined`],
    ['work', `${EXPECTED}, got "work"`],
    [{}, `${EXPECTED}, got {}`],
    [[handlers.work], `${EXPECTED}, got an array`],
    [{ '*': handlers.work }, expect.stringContaining('give one function instead of an object')],
    [{ work: 5 }, 'The handler of "work" must be a function, got 5'],
    [{ work: undefined }, 'The handler of "work" is undefined'],
    [new Handlers(), expect.stringMatching(/^Handlers must be a plain object: method "work" is inherited/)],
    [new Derived(), expect.stringMatching(/^Handlers must be a plain object: method "work" is inherited/)],
    [new Map([['work', () => undefined]]), expect.stringContaining('must be a plain object')],
    [Object.create({ work: () => undefined }), expect.stringContaining('must be a plain object')],
    // F225 handlers are an instance of a class, a `Map`, or inherit from another object: `INVALID_OPTIONS` that
    //  names the method, instead of jobs that all die as `unknown_job`
  ])('is refused handlers that are none', (wrong, message) => {
    expect(messageOf(() => createWorker(unused, 'q', wrong as never))).toEqual(message)
  })

  test('names what it got', () => {
    for (const [given, shown] of [
      ['5', '"5"'],
      [NaN, 'NaN'],
      [null, 'null'],
    ] as const)
      expect(messageOf(() => resolveWorker('q', { concurrency: given as never }))).toMatch(`got ${shown}`)
    expect(messageOf(() => resolveWorker('q', { concurrency: 0 }))).toMatchInlineSnapshot(
      `"concurrency must be a whole number from 1 to 100000, got 0"`,
    )
    expect(messageOf(() => resolveWorker('a b', {}))).toMatchInlineSnapshot(
      `"Queue name "a b" is not valid: use 1–100 letters, digits or . : - _"`,
    )
  })
})

describe('a queue', () => {
  test('without options has the documented defaults', () => {
    expect(resolveQueue('q', {})).toEqual({
      prefix: 'titan',
      partitions: 1,
      maxLength: 0,
      maxPayloadBytes: 65_536,
    })
  })

  test.each([[{ maxLength: -1 }], [{ maxPayloadBytes: 1 }], [{ partitions: 0 }], [{ prefix: '' }]])(
    'is refused %j, and told why',
    (options) => {
      expect(messageOf(() => createQueue(unused, 'q', options))).toContain(Object.keys(options)[0])
    },
  )
})

// F190
test.each([NaN, -1, '5', null])('a duration of %s is refused wherever one is given', async (value) => {
  const ms = value as number
  const refusal = { code: 'INVALID_OPTIONS' }
  expect(() => fixed(ms)).toThrow(expect.objectContaining(refusal))
  expect(() => exponential({ baseMs: ms })).toThrow(expect.objectContaining(refusal))
  expect(() => exponential({ maxMs: ms })).toThrow(expect.objectContaining(refusal))
  expect(() => exponential({ jitter: ms })).toThrow(expect.objectContaining(refusal))
  const redis = { isReady: true, sendCommand: () => undefined, duplicate: () => undefined } as never
  const worker = createWorker(redis, 'q', handlers)
  if (value !== null) await expect(worker.stop({ graceMs: ms })).rejects.toMatchObject(refusal)
  await expect(createQueue(redis, 'q').pause({ waitMs: ms })).rejects.toMatchObject(refusal)
  const consumer = createConsumer(redis, 'q')
  await expect(consumer.claim({ blockMs: ms })).rejects.toMatchObject(refusal)
})
