import { RetryError, UnrecoverableError } from '../../src/index.ts'

/** An error whose own properties are these, whatever their types. */
export function errorWith(
  properties: Readonly<Record<string, unknown>>,
  error: Error = new Error('original'),
): Error {
  for (const [key, value] of Object.entries(properties)) Object.defineProperty(error, key, { value })
  return error
}

/** An error with a property that cannot be read. */
export function errorWithGetter(key: string, error: Error = new Error('original')): Error {
  return Object.defineProperty(error, key, {
    get: () => {
      throw new Error(`${key} is not readable`)
    },
  })
}

/** A proxy that answers nothing, not even of which class it is. */
export function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

/** A proxy that behaves for so many reads, and throws at each later one. */
export function failingAfter(reads: number, error: Error = new Error('original')): Error {
  let left = reads
  const count = (): void => {
    if (left-- <= 0) throw new Error('no more')
  }
  return new Proxy(error, {
    get: (target, key, receiver): unknown => {
      count()
      return Reflect.get(target, key, receiver)
    },
    getPrototypeOf: (target) => {
      count()
      return Reflect.getPrototypeOf(target)
    },
  })
}

/** An error that is its own cause. */
export function circular(): Error {
  const error = new Error('')
  error.cause = error
  return error
}

/** Values that a program may throw, made at each call: some change when they are read. */
export function oddValues(): (readonly [what: string, value: unknown])[] {
  return [
    ['undefined', undefined],
    ['null', null],
    ['a symbol', Symbol('boom')],
    ['a bigint', 42n],
    ['a function', () => undefined],
    ['a null-prototype object', Object.create(null)],
    ['an object whose toString throws', { toString: () => Object.create(null) as string }],
    ['a revoked proxy', revoked({})],
    ['a revoked proxy of an error', revoked(new Error('boom'))],
    ['a proxy that throws at once', failingAfter(0)],
    ...[1, 2, 3, 4, 5, 6, 8, 10, 15, 20].map(
      (reads) => [`a proxy of ${reads} reads`, failingAfter(reads)] as const,
    ),
    ['a message that is undefined', errorWith({ message: undefined })],
    ['a message that is null', errorWith({ message: null })],
    ['a message that is a number', errorWith({ message: 402 })],
    ['a message that is a symbol', errorWith({ message: Symbol('s') })],
    ['a message that is an object', errorWith({ message: { code: 'declined' } })],
    ['a message without a prototype', errorWith({ message: Object.create(null) })],
    ['a message that throws', errorWithGetter('message')],
    ['a message of 20 MB', new Error('x'.repeat(20_000_000))],
    ['a message with NUL and half characters', new Error('a\u0000\ud800')],
    ['a name that is an object', errorWith({ name: {} })],
    ['a name that throws', errorWithGetter('name')],
    ['a code that is an object', errorWith({ code: Object.create(null) })],
    ['a code that throws', errorWithGetter('code')],
    ['a stack that throws', errorWithGetter('stack')],
    ['a cause that throws', errorWithGetter('cause')],
    ['a cause of itself', circular()],
    ['an aggregate of oddities', new AggregateError([null, revoked({}), Object.create(null)])],
    ['an error without a prototype', Object.setPrototypeOf(new Error('boom'), null)],
    [
      'an UnrecoverableError without a message',
      errorWith({ message: undefined }, new UnrecoverableError('x')),
    ],
    [
      'a RetryError without a message',
      errorWith({ message: undefined }, new RetryError('x', { delayMs: 1 })),
    ],
    [
      'a RetryError of an odd delay',
      errorWith({ delayMs: Symbol('s') }, new RetryError('x', { delayMs: 1 })),
    ],
    ['a RetryError whose delay throws', errorWithGetter('delayMs', new RetryError('x', { delayMs: 1 }))],
    [
      'a RetryError whose count throws',
      errorWithGetter('countsAsAttempt', new RetryError('x', { delayMs: 1 })),
    ],
  ]
}
