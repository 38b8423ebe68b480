import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crashesOf, deliveriesOf, isEarlier, RELEASE_STEP, timeOf } from '../src/model/fence.ts'

test('crashes are the deliveries that were neither released nor the present one', () => {
  // What a delivery does to the count, and what a release and the delivery after it do together.
  const anyLife = fc.array(fc.constantFrom<'crash' | 'release'>('crash', 'release'), { maxLength: 500 })
  fc.assert(
    fc.property(anyLife, (life) => {
      const count = life.reduce((sum, event) => sum + (event === 'crash' ? 1 : RELEASE_STEP), 1)
      expect(crashesOf(count)).toBe(life.filter((event) => event === 'crash').length)
      expect(deliveriesOf(count)).toBe(life.length + 1)
    }),
  )
})

test('an entry id tells its time', () => {
  expect(timeOf('1700000000123-4')).toBe(1_700_000_000_123)
})

test('entry ids are compared as numbers', () => {
  const anyId = fc.tuple(fc.nat(), fc.nat())
  fc.assert(
    fc.property(anyId, anyId, (a, b) => {
      const earlier = a[0] < b[0] || (a[0] === b[0] && a[1] < b[1])
      expect(isEarlier(a.join('-'), b.join('-'))).toBe(earlier)
    }),
  )
})
