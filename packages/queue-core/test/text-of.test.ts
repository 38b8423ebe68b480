// F181
import { describe, expect, test } from 'vitest'
import { chainOf, codeOf, isError, isInstance, nameOf, propertyOf, textOf } from '../src/model/text-of.ts'
import {
  circular,
  errorWith,
  errorWithGetter,
  failingAfter,
  oddValues,
  revoked,
} from './support/odd-values.ts'

const array: unknown[] = Array.from({ length: 100_000 }, () => 'x')

const VALUES: readonly (readonly [string, unknown, string])[] = [
  ['an error', new Error('boom'), 'boom'],
  ['a text', 'boom', 'boom'],
  ['undefined', undefined, 'undefined'],
  ['null', null, 'null'],
  ['a number', 42, '42'],
  ['a bigint', 42n, '42'],
  ['a symbol', Symbol('boom'), 'Symbol(boom)'],
  ['an empty text', '', 'unreadable error'],
  ['a null-prototype object', Object.create(null), '[object Object]'],
  ['an object with a message', { message: 'boom', code: 1 }, 'boom'],
  ['an object whose toString throws', { toString: () => Object.create(null) as string }, '[object Object]'],
  ['a date that is not valid', new Date(Number.NaN), 'Invalid Date'],
  ['an array', array, '[object Array]'],
  ['a revoked proxy', revoked({}), 'unreadable error'],
  ['a revoked proxy of an error', revoked(new Error('boom')), 'unreadable error'],
  ['a proxy whose traps throw', failingAfter(0), 'unreadable error'],
  ['an error without a message', new TypeError(''), 'TypeError'],
  ['an error whose message is undefined', errorWith({ message: undefined }), 'Error'],
  ['an error whose message is null', errorWith({ message: null }), 'Error'],
  ['an error whose message is a number', errorWith({ message: 402 }), '402'],
  ['an error whose message is a symbol', errorWith({ message: Symbol('s') }), 'Symbol(s)'],
  ['an error whose message is an object', errorWith({ message: { code: 'declined' } }), 'Error'],
  ['an error whose message holds a message', errorWith({ message: { message: 'declined' } }), 'declined'],
  ['an error whose message has no prototype', errorWith({ message: Object.create(null) }), 'Error'],
  ['an error whose message throws', errorWithGetter('message'), 'Error'],
  [
    'an error without a text, but a code',
    errorWith({ message: '', code: 'ECONNREFUSED' }),
    'Error ECONNREFUSED',
  ],
  ['an error whose name is an object', errorWith({ message: '', name: {} }), 'object'],
  ['an error with only a cause', new Error('', { cause: new Error('inner') }), 'inner'],
  ['an error that is its own cause', circular(), 'Error'],
  ['an aggregate', new AggregateError([new Error('one'), 'two', null, new Error('four')]), 'one; two; null'],
  ['an aggregate of revoked proxies', new AggregateError([revoked({})]), 'AggregateError'],
  ['a lone surrogate', new Error('a\ud800'), 'a\ufffd'],
]

describe('every thrown value has a text', () => {
  test.each(VALUES)('%s', (_what, value, text) => {
    expect(textOf(value)).toBe(text)
  })

  test('of at most the length asked for, also where a cut parts a character', () => {
    expect(textOf(new Error('x'.repeat(10_000_000)))).toHaveLength(1_000)
    expect(textOf('abc\u{1f600}', 4)).toBe('abc\ufffd')
    expect(textOf(new AggregateError(Array.from({ length: 9 }, () => 'x'.repeat(500))), 700)).toHaveLength(
      700,
    )
  })

  test('within a cause as deep as you like', () => {
    let error = new Error('deepest')
    for (let depth = 0; depth < 100_000; depth++) error = new Error('', { cause: error })
    expect(textOf(error)).toBe('Error')
  })
})

test.each(oddValues())('no reader throws: %s', (_what, value) => {
  expect(textOf(value)).not.toBe('')
  expect(typeof nameOf(value)).toBe('string')
  expect(typeof codeOf(value)).toBe('string')
  expect(typeof isError(value)).toBe('boolean')
  expect(() => propertyOf(value, 'stack')).not.toThrow()
})

test('names and codes are those of errors, and bounded', () => {
  expect(nameOf(new RangeError('x'))).toBe('RangeError')
  expect(nameOf(errorWithGetter('name'))).toBe('object')
  expect(nameOf('text')).toBe('string')
  expect(nameOf(errorWith({ name: 'n'.repeat(5_000) }))).toHaveLength(100)
  expect(codeOf(errorWith({ code: '23505' }))).toBe('23505')
  expect(codeOf(errorWith({ code: 5 }))).toBe('')
  expect(codeOf({ code: 'not an error' })).toBe('')
})

test('a chain of causes is bounded, and ends where it would begin again', () => {
  const inner = new Error('inner')
  const outer = new Error('outer', { cause: new AggregateError([inner, new Error('other')]) })
  expect(chainOf(outer)).toEqual([outer, outer.cause, inner])
  expect(chainOf(new Error('outer', { cause: 'text' }))).toEqual([expect.any(Error), 'text'])
  expect(chainOf(circular())).toHaveLength(1)
  expect(chainOf('text')).toEqual(['text'])
  for (const [, value] of oddValues()) expect(chainOf(value).length).toBeLessThanOrEqual(8)
})

test('a check of the class is false where it cannot be made', () => {
  expect(isInstance(new TypeError('x'), Error)).toBe(true)
  expect(isInstance(revoked(new Error('x')), Error)).toBe(false)
  expect(isInstance(null, Error)).toBe(false)
})
