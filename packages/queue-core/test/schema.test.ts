import * as v from 'valibot'
import { expect, test } from 'vitest'
import { validate } from '../src/model/schema.ts'

const schemas = {
  pay: v.object({ amount: v.number(), note: v.optional(v.string(), '') }),
  slow: v.pipeAsync(
    v.string(),
    v.checkAsync((text) => Promise.resolve(text !== 'bad'), 'is bad'),
  ),
}

test('data that fits comes back as the schema makes it', async () => {
  expect(validate(schemas, 'pay', { amount: 5, extra: 1 })).toEqual({ amount: 5, note: '' })
  expect(await validate(schemas, 'slow', 'good')).toBe('good')
})

test('data that does not fit is refused, with the place of each fault', async () => {
  expect(() => validate(schemas, 'pay', { amount: 'five', note: 5 })).toThrow(
    expect.objectContaining({
      code: 'INVALID_PAYLOAD',
      message: expect.stringMatching(/^Data of job "pay" does not fit its schema: amount: .+; note: .+$/),
    }),
  )
  await expect(validate(schemas, 'slow', 'bad')).rejects.toThrow(
    'Data of job "slow" does not fit its schema: is bad',
  )
})

test.each(['other', 'constructor', 'toString', '__proto__'])('job %s has no schema', (name) => {
  const data = { any: 'thing' }
  expect(validate(schemas, name, data)).toBe(data)
  expect(validate(undefined, name, data)).toBe(data)
})
