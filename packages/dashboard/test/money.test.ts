import { describe, expect, it } from 'vitest'
import { formatDecimal, formatMoney, parseMoney } from '../src/markup/format.ts'

describe('an amount that a person writes', () => {
  it.each([
    ['12.50', 'USD', 1_250],
    ['12.5', 'USD', 1_250],
    ['12', 'USD', 1_200],
    ['0.01', 'USD', 1],
    ['012', 'USD', 1_200],
    ['500', 'JPY', 500],
    ['12.50', 'HUF', 1_250],
    ['12.50', 'IDR', 1_250],
    ['12.500', 'IQD', 12_500],
    ['0.500', 'BHD', 500],
    ['0.5', 'BHD', 500],
    ['90071992547409.91', 'USD', Number.MAX_SAFE_INTEGER],
    ['9007199254740991', 'JPY', Number.MAX_SAFE_INTEGER],
  ])('is read exactly: %s %s', (text, currency, minor) => {
    expect(parseMoney(text, currency)).toBe(minor)
  })

  it.each([
    ['', 'USD'],
    ['0', 'USD'],
    ['0.00', 'USD'],
    ['-1', 'USD'],
    ['+1', 'USD'],
    ['1.005', 'USD'],
    ['1.', 'USD'],
    ['.5', 'USD'],
    ['1,50', 'USD'],
    ['1,000', 'USD'],
    ['1 000', 'USD'],
    ['1e3', 'USD'],
    ['0x10', 'USD'],
    ['١٢', 'USD'],
    ['1.5', 'JPY'],
    ['0.0005', 'BHD'],
    ['90071992547409.92', 'USD'],
    ['9007199254740993', 'JPY'],
    ['99999999999999999999', 'USD'],
    ['NaN', 'USD'],
    ['5 USD', 'USD'],
  ])('is refused rather than guessed: %j %s', (text, currency) => {
    expect(parseMoney(text, currency)).toBeUndefined()
  })

  // Intl alone would show 1,250 of each: a hundred or a thousand times what the gateway moves.
  it.each([
    [1_250, 'HUF', '12.50 HUF'],
    [1_250, 'COP', '12.50 COP'],
    [12_500, 'IQD', '12.500 IQD'],
    [1_250, 'ISK', '1,250 ISK'],
  ])('is shown in the units that gateways charge: %i %s', (minor, currency, text) => {
    expect(formatMoney(minor, currency)).toBe(text)
  })

  it('is what the page shows, in every currency', () => {
    for (const currency of Intl.supportedValuesOf('currency'))
      for (const minor of [1, 9, 10, 99, 100, 1_234, 10_000, 123_456_789, Number.MAX_SAFE_INTEGER])
        expect(parseMoney(formatDecimal(minor, currency), currency), `${minor} ${currency}`).toBe(minor)
  })
})
