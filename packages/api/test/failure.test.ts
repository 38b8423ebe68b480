import { expect, test } from 'vitest'
import { oddValues } from '../../queue-core/test/support/odd-values.ts'
import { problemOf } from '../src/failure.ts'

test.each(oddValues())('%s is an internal error', (_what, error) => {
  expect(problemOf(error)).toMatchObject({ code: 'internal-error' })
})

test('the code of a cause counts', () => {
  const closed = Object.assign(new Error('closed'), { code: 'CONNECTION_CLOSED' })
  expect(problemOf(new Error('outer', { cause: closed }))).toMatchObject({ code: 'unavailable' })
})
