import { expect, test } from 'vitest'
import type { RowForm } from '../../src/import/payment-row.ts'
import { openSource } from '../../src/import/source.ts'

/** Reads a file whose bytes arrive a few at a time. */
async function read(file: string | Buffer, form: Partial<RowForm> = {}, size = 5) {
  const bytes = Buffer.from(file)
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }
  const { entries, ignored } = await openSource(chunks(), { amounts: 'minor', currency: 'USD', ...form })
  const lines: string[] = []
  for await (const { line, read: payment } of entries)
    lines.push(`${line}: ${typeof payment === 'string' ? payment : textOf(payment)}`)
  return { lines, ignored }
}

function textOf({
  request,
  problem,
}: Exclude<Awaited<ReturnType<typeof import('@titan/api/lines').readLine>>, string>) {
  if (request === undefined) return problem.code
  const { idempotencyKey, amount, currency, reference, priority } = request
  return [idempotencyKey, amount, currency, priority, reference].filter((one) => one !== undefined).join(' ')
}

const TEXT = 'idempotency_key,amount,currency\r\norder-1,500,EUR\r\norder-2,1250,EUR\r\n'
const ROWS = ['2: order-1 500 EUR low', '3: order-2 1250 EUR low']
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le')

test.each([
  ['UTF-8', Buffer.from(TEXT)],
  ['UTF-8 with a mark', Buffer.from(`\uFEFF${TEXT}`)],
  ['UTF-16, little endian', utf16(`\uFEFF${TEXT}`)],
  ['UTF-16, big endian', utf16(`\uFEFF${TEXT}`).swap16()],
  ['UTF-16 without a mark', utf16(TEXT)],
  ['UTF-16 with tabs, as Excel writes', utf16(`\uFEFF${TEXT.replaceAll(',', '\t')}`)],
  ['semicolons', Buffer.from(TEXT.replaceAll(',', ';'))],
  ['the separator that Excel names', Buffer.from(`sep=|\r\n${TEXT.replaceAll(',', '|')}`)],
])('a file in %s is read', async (name, bytes) => {
  const expected = name.startsWith('the separator')
    ? ['3: order-1 500 EUR low', '4: order-2 1250 EUR low']
    : ROWS
  expect((await read(bytes)).lines).toEqual(expected)
})

test('Windows-1252 is recognised by its first letter beyond ASCII, wherever that is', async () => {
  const row = `idempotency_key,amount,reference\n${'order-1,1,plain\n'.repeat(20)}order-2,2,M`
  const bytes = Buffer.concat([
    Buffer.from(row),
    Buffer.from([0xfc]),
    Buffer.from('ller 5 '),
    Buffer.from([0x80]),
    Buffer.from('\n'),
  ])
  expect((await read(bytes)).lines.at(-1)).toBe('22: order-2 2 USD low Müller 5 €')
  expect((await read(bytes, {}, 4_096)).lines.at(-1)).toBe('22: order-2 2 USD low Müller 5 €')
})

test('UTF-8 is read across its chunks, and a row with bytes of another encoding is refused', async () => {
  const bytes = Buffer.concat([
    Buffer.from('idempotency_key,amount,reference\na,1,Müller und Söhne € Müller und Söhne\nb,2,M'),
    Buffer.from([0xfc]),
    Buffer.from('ller\nc,3,x'),
  ])
  expect((await read(bytes, {}, 66)).lines).toEqual([
    '2: a 1 USD low Müller und Söhne € Müller und Söhne',
    '3: reference has bytes of another encoding than the rest of the file',
    '4: c 3 USD low x',
  ])
})

// Lines with different ends in one file
test('CRLF, LF and CR each end a line, and no line is swallowed', async () => {
  const text = 'idempotency_key,amount,note\r\na,1,first\nb,2,second\rc,3,"two\r\nlines"\n\r\n;;\nd,4,fourth'
  expect((await read(text)).lines).toEqual([
    '2: a 1 USD low',
    '3: b 2 USD low',
    '4: c 3 USD low',
    '7: 1 cells, but the first line names 3 columns',
    '8: d 4 USD low',
  ])
})

test('names of columns vary, columns and cells without a text are left out, and others are named', async () => {
  const text = ' Idempotency-Key ;AMOUNT; Currency;Note;;\n order-1 ; 500 ;EUR;x;;;\n;;;;\norder-2;7;;;\n'
  expect(await read(text)).toEqual({
    lines: ['2: order-1 500 EUR low', '4: order-2 7 USD low'],
    ignored: ['note'],
  })
})

test.each([
  ['1,250 without quotes', 'order-2001,1,250', '3 cells, but the first line names 2 columns; quote'],
  ['a short row', 'order-1', '1 cells, but the first line names 2 columns'],
  ['a number that Excel has shortened', '"4,50758E+12",500', 'shortened'],
  ['a formula', '=A1,500', 'formula'],
  ['the error of a formula', '#NV,500', 'formula'],
  ['a missing key', ',500', 'the idempotency_key is missing'],
  ['a card number as the key', '4111111111111111,500', 'card-data-not-allowed'],
  ['a key with a space', 'a b,500', 'idempotency-key-invalid'],
  ['a stray quote', 'a"b,500', 'a quote inside a cell'],
  ['a quote that is never closed', '"a,500\nb,1\n', 'nothing after it was read (lines 2 to 3)'],
  ['a quote that swallows a row', '"a,500\nb,1",2', 'look like rows'],
])('%s is refused with its line', async (_fault, row, reason) => {
  const { lines } = await read(`idempotency_key,amount\n${row}`)
  expect(lines).toEqual([expect.stringMatching(/^2: /)])
  expect(lines[0]).toContain(reason)
})

test('a row whose quote swallows too much is refused, and does not fill the memory', async () => {
  const text = `idempotency_key,amount\na,"1${'x'.repeat(200_000)}\nb,2\n`
  const { lines } = await read(text, {}, 65_536)
  expect(lines).toEqual(['2: a row of more than 64 kB: is a quote not closed? Nothing after it was read'])
})

test('decimal amounts are read in the currency of their row', async () => {
  const text = 'idempotency_key;amount;currency\na;12,50;EUR\nb;1.500;JPY\nc;1.234,5;KWD'
  expect((await read(text, { amounts: 'comma' })).lines).toEqual([
    '2: a 1250 EUR low',
    '3: b 1500 JPY low',
    '4: c 1234500 KWD low',
  ])
})

test('one amount with decimals stops a file of minor units: 13 would be 0.13 in it', async () => {
  await expect(read('idempotency_key,amount\na,13\nb,12.50\nc,14\n')).rejects.toThrow(
    'line 3: the amount "12.50" is no whole number of minor units',
  )
})

test('lines of JSON are read by the rules of the API', async () => {
  const text = [
    '{"amount":500,"idempotency_key":"a","reference":"r"}',
    '{"amount":1.5,"idempotency_key":"b"}',
    '',
    '{"amount":1,"amount":2,"idempotency_key":"c"}',
    '{"amount":1',
    `{"amount":1,"idempotency_key":"${'x'.repeat(70_000)}"}`,
    '{"amount":1,"idempotency_key":"d","payment_id":"pay_1","status":"SUCCESS","priority":"high"}',
    '{"amount":1,"idempotency_key":"e","amout":1}',
  ].join('\r\n')
  expect((await read(text, {}, 4_096)).lines).toEqual([
    '1: a 500 USD low r',
    '2: validation-failed',
    '4: validation-failed',
    '5: malformed-json',
    '6: the line has more than 64 kB',
    '7: d 1 USD high',
    '8: validation-failed',
  ])
})

test('a line that is nested too deeply to be walked is refused, and the next one is read', async () => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
  const lines = `{"amount":1,"idempotency_key":"a","metadata":${deep}}\n{"amount":1,"idempotency_key":"b"}`
  const refused = 'validation-failed'
  expect((await read(lines, {}, 4_096)).lines).toEqual([`1: ${refused}`, '2: b 1 USD low'])
  const rows = `amount,idempotency_key,metadata\n1,a,"{""a"":${deep}}"\n1,b,\n`
  expect((await read(rows, {}, 4_096)).lines).toEqual([`2: ${refused}`, '3: b 1 USD low'])
})

test.each([
  ['', 'the file is empty'],
  ['\n\n', 'the file is empty'],
  ['a,b\n1,2\n', 'must name the columns amount and idempotency_key'],
  ['idempotency_key,amount,Amount\na,1,2\n', 'the column amount twice'],
  ['x'.repeat(70_000), 'too long'],
])('what is no file of payments is refused: %.20s', async (text, message) => {
  await expect(read(text, {}, 4_096)).rejects.toThrow(message)
})
