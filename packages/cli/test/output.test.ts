import { expect, it } from 'vitest'
import { formatFacts, formatJson, formatSections, formatTable } from '../src/output.ts'

/** Colours, a title of the window, the cursor, an 8-bit CSI, marks of direction, line ends. */
const EVIL = '\u001b[8m\u001b]0;title\u0007\u001b[2J\u009b31m\u202e\u2028\r\nnext'

// F274 control characters, colours and marks of direction in what clients and gateways say: shown as dots in
//  text, escaped in JSON
it('nothing that others wrote controls the terminal', () => {
  const text = [
    formatTable([{ id: EVIL }]),
    formatFacts({ 'last error': EVIL }),
    formatSections({ [EVIL]: 'body' }),
  ].join('\n')
  expect(text.split('\n')).toHaveLength(5)
  expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Bidi_Control}\u2028]/u)
})

// F274
it('JSON says the same value without characters that control the terminal', () => {
  const json = formatJson({ id: EVIL })
  expect(json).not.toMatch(/[\p{Cc}\p{Bidi_Control}\u2028]/u)
  expect(JSON.parse(json)).toEqual({ id: EVIL })
})

it('a table holds as many rows as the longest list has', () => {
  const rows = Array.from({ length: 10_000 }, (_, index) => ({ n: index }))
  expect(formatTable(rows).split('\n')).toHaveLength(10_001)
})
