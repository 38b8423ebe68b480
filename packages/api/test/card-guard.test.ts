import { describe, expect, it } from 'vitest'
import { containsCardNumber } from '@titan/payments'

/** The digits with the check digit (Luhn, modulo 10) that card numbers, KID and OCR references have. */
function withCheckDigit(digits: string): string {
  const sum = digits
    .split('')
    .toReversed()
    .reduce((total, digit, index) => {
      const weighted = Number(digit) * (index % 2 === 0 ? 2 : 1)
      return total + (weighted > 9 ? weighted - 9 : weighted)
    }, 0)
  return `${digits}${(10 - (sum % 10)) % 10}`
}

/** Returns the share of numbers of `length` digits with this prefix and a valid check digit that `test` is true for. */
function shareOf(prefix: string, length: number, test: (digits: string) => boolean): number {
  const free = length - prefix.length
  const numbers = Array.from({ length: 20_000 }, (_, index) => {
    // A fixed walk through the range instead of chance.
    const digits = String((BigInt(index) * 7_919_333_777_777n) % 10n ** BigInt(free))
    return prefix + digits.padStart(free, '0')
  })
  return numbers.filter(test).length / numbers.length
}

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
    '4242.4242.4242.4242',
    '4242_4242_4242_4242',
    '4242/4242/4242/4242',
    '4242\u00A04242\u00A04242\u00A04242',
    '4242\u20114242\u20114242\u20114242',
    '3782.822463.10005',
    '3056_930902_5904',
    // Maestro, in groups.
    '6759 6498 2643 8453',
    // F10
  ])('finds the card number in %s', (text) => {
    expect(containsCardNumber(text)).toBe(true)
    expect(containsCardNumber(text, 'possible')).toBe(true)
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
    ['groups that no card has', '4242-42424242-4242'],
    ['letters between the groups', '4242a4242a4242a4242'],
    ['nothing', ''],
  ])('lets %s pass', (_case, text) => {
    expect(containsCardNumber(text)).toBe(false)
    expect(containsCardNumber(text, 'possible')).toBe(false)
  })

  it.each([
    ['an order id of a shop, 13 digits', 'shopify-4507583660097'],
    ['one that begins like a Maestro card', '6304000229377'],
    ['a Norwegian KID of 13 digits', '4001234500001'],
    ['an EAN-13', 'sku-4006381000093'],
    ['a Maestro number, unbroken', '6759649826438453'],
    // F268
  ])('refuses no request for %s, and masks it', (_case, text) => {
    expect(containsCardNumber(text)).toBe(false)
    expect(containsCardNumber(text, 'possible')).toBe(true)
  })

  // F268
  it('takes few other numbers for card numbers', () => {
    const isLikely = (text: string): boolean => containsCardNumber(text)
    for (const prefix of ['4', '50', '56', '6304', '67', '400', '978'])
      expect(shareOf(prefix, 13, isLikely)).toBe(0)
    // An id of 16 digits that begins with 4 may be a Visa number: one in ten has the check digit.
    expect(shareOf('4', 16, isLikely)).toBeGreaterThan(0.08)
    expect(shareOf('4', 16, isLikely)).toBeLessThan(0.12)
    expect(shareOf('1', 16, isLikely)).toBe(0)
    expect(shareOf('', 14, isLikely)).toBeLessThan(0.01)
    expect(shareOf('', 19, isLikely)).toBeLessThan(0.01)
  })

  it('takes each reference with the check digit of a card number and its length for one', () => {
    expect(shareOf('4', 15, (digits) => containsCardNumber(withCheckDigit(digits)))).toBe(1)
    expect(shareOf('4', 12, (digits) => containsCardNumber(withCheckDigit(digits)))).toBe(0)
  })

  it('finds one among many digit runs', () => {
    expect(containsCardNumber(`${'4111111111111112 x '.repeat(500)}4111111111111111`)).toBe(true)
  })
})
