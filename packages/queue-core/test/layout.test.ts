import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeFields,
  plainJobId,
  readEnvelope,
  readParked,
  readPlace,
  readPlainJobId,
} from '../src/redis/layout.ts'

describe('a stream entry', () => {
  test('without meta is a job with defaults', () => {
    expect(decodeFields(['n', 'work', 'd', '1'], 0)).toEqual({ name: 'work', data: '1', meta: {}, level: 0 })
  })

  test('with its fields in any order, and fields of a later version, is read', () => {
    const meta = { id: 'a', failures: 2, ofTheFuture: { x: 1 } }
    expect(decodeFields(['z', 'x', 'm', JSON.stringify(meta), 'd', '{}', 'n', 'work'], 2)).toEqual({
      name: 'work',
      data: '{}',
      meta,
      level: 2,
    })
  })

  test.each([
    [[]],
    [['n', 'work']],
    [['d', '1']],
    [['n']],
    [['n', 'work', 'd']],
    [['n', 'work', 'd', '1', 'm', '{']],
    [['n', 'work', 'd', '1', 'm', '[]']],
    [['n', 'work', 'd', '1', 'm', 'null']],
    [['n', 'work', 'd', '1', 'm', '7']],
    [['n', 'work', 'd', '1', 'm', '{"history":5}']],
    [['n', 'work', 'd', '1', 'm', '{"visibilityMs":"soon"}']],
    [['n', 'work', 'd', '1', 'm', '{"failures":null}']],
    [['n', 'work', 'd', '1', 'm', '{"id":7}']],
    [['n', 'work', 'd', '1', 'm', '{"id":"a\\nb"}']],
    [['n', 'work', 'd', '1', 'm', '{"orderingKey":{}}']],
    [['n', 'work', 'd', '1', 'm', '{"backoff":7}']],
  ])('of %j is not a job', (fields) => {
    expect(decodeFields(fields, 1)).toBeUndefined()
  })

  test('of any garbage is a job or not, but never an error', () => {
    const anyField = fc.oneof(fc.constantFrom('n', 'd', 'm'), fc.string(), fc.json())
    fc.assert(
      fc.property(fc.array(anyField), (fields) => {
        const job = decodeFields(fields, 1)
        if (job !== undefined)
          expect(job).toMatchObject({ name: expect.any(String), data: expect.any(String) })
      }),
    )
  })
})

test('the id of a job without one names its stream', () => {
  expect(plainJobId('1-0', 1, undefined)).toBe('1-0')
  expect(plainJobId('1-0', 0, undefined)).toBe('1-0-high')
  expect(plainJobId('1-0', 2, 3)).toBe('1-0-low.3')
})

test('the place of a plain job is read from its id, for every stream and partition', () => {
  const level = fc.constantFrom(0 as const, 1 as const, 2 as const)
  const partition = fc.option(fc.nat(255), { nil: undefined })
  fc.assert(
    fc.property(fc.nat(), fc.nat(), level, partition, (time, serial, level, partition) => {
      const place = { entryId: `${time}-${serial}`, level, partition }
      expect(readPlainJobId(plainJobId(place.entryId, level, partition))).toEqual(place)
    }),
  )
  expect(readPlainJobId('99999999999999999999-0')).toBeUndefined()
  expect(readPlainJobId('order-1')).toBeUndefined()
})

describe('an envelope', () => {
  const text = '3\njob-1\n1\nkey\nwork\n{"id":"job-1"}\n{"a":"b"}'
  const job = { name: 'work', data: '{"a":"b"}', meta: { id: 'job-1' }, level: 2 }

  test('is a job outside a stream', () => {
    expect(readEnvelope(text)).toEqual({ id: 'job-1', level: 2, job })
    expect(readParked(`key\0${'0'.repeat(16)}\0${text}`)).toEqual({ id: 'job-1', level: 2, job })
  })

  test('without meta has the defaults', () => {
    expect(readEnvelope('1\na\n\n\nwork\n\n1').job).toEqual({ name: 'work', data: '1', meta: {}, level: 0 })
  })

  test('that is damaged is read as far as it goes', () => {
    expect(readEnvelope('7\na\n\n\nwork\n{\n1')).toEqual({ id: 'a', level: 1, job: undefined })
    expect(readEnvelope('')).toMatchObject({ id: '', level: 1 })
  })
})

test('a place of the index is read, or nothing', () => {
  expect(readPlace('d')).toEqual({ kind: 'delayed' })
  expect(readPlace('1:5-0:')).toEqual({ kind: 'stream', level: 0, entryId: '5-0' })
  expect(readPlace('3:5-0:key:1')).toEqual({ kind: 'stream', level: 2, entryId: '5-0' })
  expect(readPlace('p:0012:a:b')).toEqual({
    kind: 'parked',
    range: ['[a:b\u00000012\u0000', '[a:b\u00000012\u0000\xff'],
  })
  for (const text of ['', 'x', '4:5-0:', '1:five:', 'p:key']) expect(readPlace(text)).toBeUndefined()
})
