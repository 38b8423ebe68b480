import { loadPaymentsConfig, PaymentsError } from '@titan/payments'
import { expect, it } from 'vitest'
import { loadAll } from '../src/index.ts'

class ForeignError extends Error {
  readonly code = 'INVALID_CONFIG'
  readonly issues = ['COLOUR must be red']
}

it('gives each part what its loader read', () => {
  const parts = loadAll({ one: ({ ONE }) => ONE, two: () => 2 }, { ONE: '1' })

  expect(parts).toEqual({ one: '1', two: 2 })
})

it('tells what is wrong with all parts at once', () => {
  const load = (): unknown =>
    loadAll(
      {
        config: loadPaymentsConfig,
        colour: () => {
          throw new ForeignError('no')
        },
      },
      { DATABASE_URL: 'postgres://h', REDIS_URL: 'redis://h', LEASE_MS: 'long' },
    )

  expect(load).toThrow(PaymentsError)
  expect(load).toThrow(
    expect.objectContaining({ issues: [expect.stringMatching(/^LEASE_MS /), 'COLOUR must be red'] }),
  )
})

it('lets a fault of a loader itself through', () => {
  const broken = new TypeError('x is not a function')

  expect(() =>
    loadAll(
      {
        part: () => {
          throw broken
        },
      },
      {},
    ),
  ).toThrow(broken)
})
