import { runInNewContext } from 'node:vm'
import { expect, test, vi } from 'vitest'
import { fixed, QueueError, RetryError, UnrecoverableError } from '../src/index.ts'
import { decide } from '../src/model/decide.ts'
import { EngineError, soundError } from '../src/model/errors.ts'
import { guardListener } from '../src/model/events.ts'
import { validate } from '../src/model/schema.ts'

vi.resetModules()
const other = await import('../src/index.ts')
const foreign = (code: string): unknown => runInNewContext(code)

test('an error of another copy of the library is an instance of the same class, and of no other', () => {
  expect(other.QueueError).not.toBe(QueueError)
  const classes = { QueueError, RetryError, UnrecoverableError }
  const errors = {
    QueueError: new other.QueueError('CLOSED', 'closed'),
    RetryError: new other.RetryError('later', { delayMs: 5 }),
    UnrecoverableError: new other.UnrecoverableError('never'),
  }
  for (const [name, type] of Object.entries(classes)) {
    const instances = Object.entries(errors).filter(([, error]) => error instanceof type)
    expect(instances.map(([kind]) => kind)).toEqual([name])
    for (const value of [undefined, null, 'text', {}, new Error('plain')])
      expect(value instanceof type).toBe(false)
  }
})

test('subclasses are told apart as ever', () => {
  class MyError extends UnrecoverableError {}
  expect(new MyError('mine')).toBeInstanceOf(UnrecoverableError)
  expect(new MyError('mine')).toBeInstanceOf(other.UnrecoverableError)
  expect(new UnrecoverableError('not mine')).not.toBeInstanceOf(MyError)
  expect(new other.QueueError('CLOSED', 'closed')).not.toBeInstanceOf(EngineError)
})

test('a handler decides with the errors of another copy', () => {
  const decided = (thrown: unknown): unknown => decide(soundError(thrown, 'a handler'), {}, 3, fixed(1))
  expect(decided(new other.UnrecoverableError('never'))).toEqual({
    kind: 'deadLetter',
    cause: 'unrecoverable',
  })
  expect(decided(new other.RetryError('later', { delayMs: 77, countsAsAttempt: false }))).toMatchObject({
    kind: 'retry',
    delayMs: 77,
    counts: false,
  })
})

test('an error of another realm, as each of Node is in Jest, stays as it is', () => {
  const error = foreign('new TypeError("of Node")')
  expect(error).not.toBeInstanceOf(Error)
  expect(soundError(error, 'a handler')).toBe(error)
})

test('a promise of another realm is awaited', async () => {
  const schema = {
    '~standard': { version: 1, vendor: 'test', validate: () => foreign('Promise.resolve({ value: 5 })') },
  }
  expect(await validate({ a: schema as never }, 'a', 4)).toBe(5)
  const log = vi.spyOn(console, 'error').mockReturnValue()
  guardListener(() => foreign('Promise.reject(new Error("of the listener"))') as never)({
    type: 'closed',
  } as never)
  await vi.waitFor(() => expect(log).toHaveBeenCalled())
})
