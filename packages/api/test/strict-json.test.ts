import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readJson } from '../src/http/strict-json.ts'

describe('readJson', () => {
  it('reads every JSON value as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (text) => {
        expect(readJson(text).value).toEqual(JSON.parse(text))
      }),
    )
  })

  it('finds no fault in what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        expect(readJson(JSON.stringify(value)).errors).toEqual([])
      }),
    )
  })

  it.each([
    ['{"amount":1,"amount":2}', '/amount'],
    ['{"a":{"x":1,"y":{},"x":2}}', '/a/x'],
    ['[0,{"\\u0061":1,"a":2}]', '/1/a'],
    ['{"a/b~":1,"a/b~":2}', '/a~1b~0'],
    // F9
  ])('reports the member given twice in %s', (text, pointer) => {
    expect(readJson(text).errors).toEqual([{ pointer, detail: 'is given twice' }])
  })

  it('lets two objects have members of the same name', () => {
    expect(readJson('{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]}').errors).toEqual([])
  })

  it.each([
    '9007199254740993',
    '100.00000000000000001',
    '1e400',
    '-1e400',
    '1e-400',
    '0.30000000000000000001',
  ])('reports that %s would lose digits', (number) => {
    expect(readJson(`{"amount":${number}}`).errors).toMatchObject([{ pointer: '/amount' }])
  })

  it.each(['1000', '1000.0', '1e3', '10.0E+2', '9007199254740991', '-0', '0.1', '0e9', '5e-324', '1e308'])(
    'keeps %s',
    (number) => {
      expect(readJson(`[${number}]`)).toMatchObject({ value: [Number(number)], errors: [] })
    },
  )

  it('lists all strings, names included, with their escapes undone', () => {
    expect(readJson('{"a\\u0000":["b","\\"c\\\\"]}').strings).toEqual(['a\0', 'b', '"c\\'])
  })

  it('refuses nesting beyond its limit', () => {
    const text = '['.repeat(8000) + ']'.repeat(8000)
    expect(readJson(text).errors).toMatchObject([{ pointer: '' }])
  })

  it('throws on text that is not JSON', () => {
    expect(() => readJson('{"amount":NaN}')).toThrow(SyntaxError)
  })
})
