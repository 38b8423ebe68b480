// F183
import { expect, test } from 'vitest'
import { oddValues } from '../../queue-core/test/support/odd-values.ts'
import { detailOf, failureOf } from '../src/model/receiver-response.ts'

test.each(oddValues())('a request that fails with %s has a detail and a kind', (_what, error) => {
  expect(detailOf(error)).not.toBe('')
  expect(detailOf(error).length).toBeLessThanOrEqual(300)
  expect(typeof failureOf(error)).toBe('string')
})

test('the deepest error counts', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  const error = new TypeError('fetch failed', { cause: new AggregateError([refused]) })
  expect([detailOf(error), failureOf(error)]).toEqual(['connect ECONNREFUSED', 'connect'])
})
