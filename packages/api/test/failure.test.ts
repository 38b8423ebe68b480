// F183
import { PaymentsError } from '@titan/payments'
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

// F117
test('too long a line in front of PostgreSQL is an outage that passes', () => {
  const error = new PaymentsError(
    'OVERLOADED',
    '10000 calls are already waiting for PostgreSQL: try again later',
  )
  expect(problemOf(error)).toMatchObject({ code: 'unavailable', headers: { 'retry-after': '1' } })
})
