import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { QueueError } from '../src/index.ts'
import { checkKey, checkName, encodeData, withFailure, type Failure, type Meta } from '../src/model/job.ts'

const invalid = expect.objectContaining({ name: 'QueueError', code: 'INVALID_PAYLOAD' })

describe('data', () => {
  test('comes back as it was, for anything JSON can say', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const text = encodeData('work', data, 1_000_000)
        expect(JSON.stringify(JSON.parse(text))).toBe(JSON.stringify(data))
        expect(text).not.toContain('\n')
      }),
    )
  })

  test.each([[undefined], [() => 1], [Symbol('x')], [1n]])('%s is refused', (data) => {
    expect(() => encodeData('work', data, 100)).toThrow(invalid)
  })

  test('that refers to itself is refused, with the reason', () => {
    const data: Record<string, unknown> = {}
    data['self'] = data
    expect(() => encodeData('work', data, 100)).toThrow(
      expect.objectContaining({
        code: 'INVALID_PAYLOAD',
        message: expect.stringMatching(
          /^Data of job "work" cannot be written as JSON: [^\n]*circular[^\n]*$/,
        ),
        cause: expect.any(TypeError),
      }),
    )
    expect(() => encodeData('work', { cents: 1n }, 100)).toThrow(/as JSON: .*BigInt/)
  })

  test('is measured in bytes, not in characters', () => {
    expect(encodeData('work', 'x'.repeat(8), 10)).toHaveLength(10)
    expect(() => encodeData('work', 'x'.repeat(9), 10)).toThrow(invalid)
    expect(encodeData('work', '€€', 8)).toHaveLength(4)
    expect(() => encodeData('work', '€€€', 8)).toThrow(/larger than 8 bytes/)
  })
})

describe('names', () => {
  test.each(['a', 'email.send', 'v2/pay', 'a:b-c_d', 'n'.repeat(128)])('%s is one', (name) => {
    expect(checkName(name)).toBe(name)
  })
  test.each(['', ' ', 'a b', 'ä', 'a\n', 'n'.repeat(129), undefined as never])('%j is none', (name) => {
    expect(() => checkName(name)).toThrow(invalid)
  })
  test.each(['', 'a\nb', 'a\u0000', 'a\u007f', 'n'.repeat(256)])('%j is no id', (id) => {
    expect(() => checkKey('id', id)).toThrow(invalid)
  })
  test('an id may be of any letters', () => {
    for (const id of ['ключ 1', '💶', '"\\', 'n'.repeat(255)]) expect(checkKey('id', id)).toBe(id)
  })
})

test('a job keeps its last ten failures, with texts of bounded length', () => {
  let meta: Meta = { id: 'a' }
  for (let at = 0; at < 15; at++) {
    const failure: Failure = { at, cause: 'handler_error', error: 'x'.repeat(10_000) }
    meta = withFailure(meta, failure)
  }
  expect(meta.history?.map(({ at }) => at)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
  expect(meta.history?.every(({ error }) => error.length === 500)).toBe(true)
  expect(meta.id).toBe('a')
})

test('an error without accepted jobs shows none', () => {
  expect(inspect(new QueueError('CLOSED', 'closed'))).not.toContain('accepted')
  expect(new QueueError('QUEUE_FULL', 'full', { accepted: [undefined] }).accepted).toEqual([undefined])
})
