import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readAmount, type AmountForm } from '../../src/import/amount.ts'

test.each<[string, AmountForm, string, number]>([
  ['500', 'minor', 'EUR', 500],
  ['1 234', 'minor', 'EUR', 1_234],
  ['1.234.567', 'minor', 'EUR', 1_234_567],
  ['9007199254740991', 'minor', 'EUR', 9_007_199_254_740_991],
  ['500', 'decimal', 'EUR', 50_000],
  ['12,50', 'decimal', 'EUR', 1_250],
  ['12.5', 'decimal', 'EUR', 1_250],
  ['1.234,56', 'decimal', 'EUR', 123_456],
  ['1,234.56', 'decimal', 'EUR', 123_456],
  ['1’234.50', 'decimal', 'CHF', 123_450],
  ['1\u202F234,5', 'decimal', 'EUR', 123_450],
  ['0.500', 'decimal', 'BHD', 500],
  ['1.234', 'comma', 'EUR', 123_400],
  ['1.234', 'point', 'BHD', 1_234],
  ['1,234', 'point', 'JPY', 1_234],
  ['90071992547409.91', 'decimal', 'EUR', 9_007_199_254_740_991],
])('%s is read as %s in %s: %i', (text, form, currency, minor) => {
  expect(readAmount(text, form, currency)).toEqual({ minor })
})

test.each<[string, AmountForm, string, string]>([
  ['1.234', 'minor', 'EUR', 'in two ways'],
  ['1,234', 'minor', 'EUR', 'in two ways'],
  ['1.234', 'decimal', 'EUR', 'in two ways'],
  ['1.234', 'decimal', 'BHD', 'in two ways'],
  ['12,50', 'minor', 'EUR', 'choose --amounts decimal'],
  ['500.00', 'minor', 'EUR', 'choose --amounts decimal'],
  ['12.345', 'point', 'EUR', 'more decimals than EUR'],
  ['12.00', 'decimal', 'JPY', 'more decimals than JPY'],
  ['12.50', 'comma', 'EUR', 'is no number'],
  ['1.23.456', 'decimal', 'EUR', 'is no number'],
  ['0', 'minor', 'EUR', 'is not from 1'],
  ['9007199254740992', 'minor', 'EUR', 'is not from 1'],
  ['-5', 'minor', 'EUR', 'is no number'],
  ['5 €', 'decimal', 'EUR', 'is no number'],
  ['1e3', 'minor', 'EUR', 'is no number'],
  ['٥٠٠', 'minor', 'EUR', 'is no number'],
  ['', 'minor', 'EUR', 'is no number'],
  ['4111111111111111', 'decimal', 'EUR', '[card number]'],
])('%s is refused as %s in %s: %s', (text, form, currency, fault) => {
  expect(readAmount(text, form, currency)).toMatchObject({ fault: expect.stringContaining(fault) })
})

test('every amount is read exactly as it is written with two decimals', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (minor) => {
      const digits = String(minor).padStart(3, '0')
      const text = `${digits.slice(0, -2)},${digits.slice(-2)}`
      expect(readAmount(text, 'decimal', 'EUR')).toEqual({ minor })
    }),
  )
})
