import { describe, expect, it } from 'vitest'
import { resolveKey } from '../src/http/idempotency-key.ts'

describe('resolveKey', () => {
  it.each([
    ['the body alone', 'abc123', undefined, 'abc123'],
    ['a bare header', undefined, 'abc123', 'abc123'],
    ['a quoted header', undefined, '"abc123"', 'abc123'],
    ['both, equal', 'abc123', '"abc123"', 'abc123'],
    ['escapes in a quoted header', String.raw`a"b\c`, String.raw`"a\"b\\c"`, String.raw`a"b\c`],
    ['quotes that belong to a key in the body', '"abc"', String.raw`"\"abc\""`, '"abc"'],
    ['a comma', undefined, 'a,b', 'a,b'],
    ['255 characters', 'k'.repeat(255), undefined, 'k'.repeat(255)],
  ])('accepts %s', (_case, body, header, key) => {
    expect(resolveKey(body, header)).toBe(key)
  })

  it.each([
    ['no key at all', undefined, undefined, 'idempotency-key-missing'],
    ['an empty key', '', undefined, 'idempotency-key-invalid'],
    ['an empty header', undefined, '', 'idempotency-key-invalid'],
    ['an empty quoted header', undefined, '""', 'idempotency-key-invalid'],
    ['256 characters', 'k'.repeat(256), undefined, 'idempotency-key-invalid'],
    ['a space', 'a b', undefined, 'idempotency-key-invalid'],
    ['a space inside quotes', undefined, '"a, b"', 'idempotency-key-invalid'],
    ['a control character', 'a\u0000b', undefined, 'idempotency-key-invalid'],
    ['an emoji', '🔑', undefined, 'idempotency-key-invalid'],
    ['an open quote', undefined, '"abc', 'idempotency-key-invalid'],
    ['parameters after the string', undefined, '"abc";v=1', 'idempotency-key-invalid'],
    ['two bare headers', undefined, 'abc, abc', 'idempotency-key-repeated'],
    ['two quoted headers', undefined, '"abc", "abc"', 'idempotency-key-repeated'],
    ['a header unlike the body', 'abc', 'abd', 'idempotency-key-conflict'],
    ['another case', 'abc', 'ABC', 'idempotency-key-conflict'],
    // F7 keys that are none, two keys, header and body that differ: 400, a code for each
  ])('refuses %s', (_case, body, header, code) => {
    expect(() => resolveKey(body, header)).toThrow(expect.objectContaining({ code }))
  })
})
