import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeFormulas, formatCsvLine, unescapeFormulas } from '../src/export/csv.ts'

test.each([
  ['=1+1', "'=1+1"],
  ['+49 30', "'+49 30"],
  ['-5', "'-5"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['＝1+1', "'＝1+1"],
  ['\t=1', `"'\t'=1"`],
  ['\r=1', `"'\r'=1"`],
  ['a;=1', `"a;'=1"`],
  ['a,-1', `"a,'-1"`],
  ['a"=1', `"a""'=1"`],
  ["'=1", "''=1"],
  ["rock 'n' roll", "rock 'n' roll"],
  ['a=b', 'a=b'],
  ['say "hi"', '"say ""hi"""'],
  [' a', '" a"'],
  ['two\nlines', '"two\nlines"'],
])('%j is written as %j', (text, cell) => {
  expect(formatCsvLine([text, null, 1, true])).toBe(`${cell},,1,true\r\n`)
})

test('every text is read back as it was, and begins no formula', () => {
  const text = fc.string({
    unit: fc.constantFrom('=', '+', '-', '@', '＝', '\t', '\r', '\n', "'", '"', ',', ';', 'a', ' '),
    maxLength: 12,
  })
  fc.assert(
    fc.property(text, (given) => {
      const escaped = escapeFormulas(given)
      expect(unescapeFormulas(escaped)).toBe(given)
      expect(escaped).not.toMatch(/(^|[",;\t\r\n])[=+\-@＝]/)
    }),
    { numRuns: 500 },
  )
})
