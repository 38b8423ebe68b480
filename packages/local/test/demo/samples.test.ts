import { expect, test } from 'vitest'
import { createSamples, readSamples } from '../../src/demo/samples.ts'

test('columns are found by name, in any order, and others are ignored', () => {
  const text = '\uFEFFcurrency,note,Amount,idempotency_key\r\nEUR,"a, b",500,one\r\n,,75,two\r\n'
  expect(readSamples(text)).toEqual({
    samples: [
      { amount: 500, idempotencyKey: 'one', currency: 'EUR' },
      { amount: 75, idempotencyKey: 'two' },
    ],
    problems: [],
  })
})

test('a bad row is named by its line and the others are kept', () => {
  const text = [
    'amount,idempotency_key',
    '12.50,one',
    '',
    '0,two',
    '5,',
    '7,"spans\ntwo lines"',
    '99999999999999999999,three',
    '8',
    '9,four',
  ].join('\n')
  const { samples, problems } = readSamples(text)
  expect(samples).toEqual([
    { amount: 7, idempotencyKey: 'spans\ntwo lines' },
    { amount: 9, idempotencyKey: 'four' },
  ])
  expect(problems).toEqual([
    'line 2: the amount "12.50" is not a whole number of minor units (cents) from 1 on',
    'line 4: the amount "0" is not a whole number of minor units (cents) from 1 on',
    'line 5: the idempotency_key is missing',
    'line 8: the amount "99999999999999999999" is not a whole number of minor units (cents) from 1 on',
    'line 9: the idempotency_key is missing',
  ])
})

test.each([
  ['', 'missing: amount, idempotency_key'],
  ['amount,key\n1,a\n', 'missing: idempotency_key'],
  ['amount,idempotency_key\n1,"a\n', 'This is no CSV'],
])('a file that is none is refused: %j', (text, message) => {
  expect(() => readSamples(text)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  expect(() => readSamples(text)).toThrow(message)
})

test('two runs send under different keys', () => {
  const keys = [...createSamples('one'), ...createSamples('two')].map(({ idempotencyKey }) => idempotencyKey)
  expect(new Set(keys).size).toBe(keys.length)
})
