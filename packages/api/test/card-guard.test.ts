import { describe, expect, it } from 'vitest'
import { containsCardNumber } from '@titan/payments'

describe('containsCardNumber', () => {
  it.each([
    '4111111111111111',
    '5555555555554444',
    '2223003122003222',
    '378282246310005',
    '6011111111111117',
    '30569309025904',
    '3530111333300000',
    '6200000000000005',
    'order-4111111111111111-x',
    'key4111111111111111',
    '4111 1111 1111 1111',
    '4111-1111-1111-1111',
    '3782 822463 10005',
  ])('finds the card number in %s', (text) => {
    expect(containsCardNumber(text)).toBe(true)
  })

  it.each([
    ['a wrong check digit', '4111111111111112'],
    ['a timestamp in milliseconds', '1732450000007'],
    ['no known issuer', '9007199254740991'],
    ['too many digits', '41111111111111110000'],
    ['too few digits', '411111111111'],
    ['a UUID', '018f0000-4111-4111-8111-411111111111'],
    ['a long hexadecimal id', 'ab4111111111111111cdef01'],
    ['mixed separators', '4111-1111 1111-1111'],
    ['nothing', ''],
  ])('lets %s pass', (_case, text) => {
    expect(containsCardNumber(text)).toBe(false)
  })

  it('finds one among many digit runs', () => {
    expect(containsCardNumber(`${'4111111111111112 x '.repeat(500)}4111111111111111`)).toBe(true)
  })
})
