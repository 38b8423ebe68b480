import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSamples, readSamples } from '../../src/demo/samples.ts'

test('columns are found by name, in any order, and others are ignored', () => {
  const text = '\uFEFFcurrency,note,Amount,idempotency_key\r\nEUR,"a, b",500,one\r\n,,75,two\r\n'
  expect(readSamples(text)).toEqual({
    samples: [
      { amount: 500, idempotencyKey: 'one', currency: 'EUR' },
      { amount: 75, idempotencyKey: 'two' },
    ],
    problems: [],
  })
})

test('a bad row is named by its line and the others are kept', () => {
  const text = [
    'amount,idempotency_key',
    '12.50,one',
    '',
    '0,two',
    '5,',
    '7,"spans\ntwo lines"',
    '99999999999999999999,three',
    '8',
    '9,four',
  ].join('\n')
  const { samples, problems } = readSamples(text)
  expect(samples).toEqual([
    { amount: 7, idempotencyKey: 'spans\ntwo lines' },
    { amount: 9, idempotencyKey: 'four' },
  ])
  expect(problems).toEqual([
    'line 2: the amount "12.50" is not a whole number of minor units (cents) from 1 on',
    'line 4: the amount "0" is not a whole number of minor units (cents) from 1 on',
    'line 5: the idempotency_key is missing',
    'line 8: the amount "99999999999999999999" is not a whole number of minor units (cents) from 1 on',
    'line 9: 1 cell, but the first line names 2 columns',
  ])
})

test.each([
  ['idempotency_key,amount', 'order-2001,1,250'],
  ['idempotency_key,amount', 'order-2002,12,50'],
  ['amount,idempotency_key', '1,250,order-2001'],
  ['amount,idempotency_key,currency', '500,order-1'],
  ['amount;idempotency_key', '1;250;order'],
  // F261 a CSV file with an unquoted thousands separator or decimal comma, a row that is longer or shorter than
  //  the header, an amount such as `12.50`, `1e3`, `+5`: the row is refused and named by its line; each amount
  //  is sent as it is written or not at all
])('under %s the row %s is refused, for its cells are not those of the header', (header, row) => {
  const { samples, problems } = readSamples(`${header}\n${row}\n`)
  expect(samples).toEqual([])
  expect(problems).toEqual([
    expect.stringMatching(/^line 2: \d cells?, but the first line names \d columns/u),
  ])
})

test.each([
  '12,50',
  '1.250,00',
  '1 250',
  '1\u00A0250',
  "1'250",
  '1e3',
  '+5',
  '-5',
  '12.50',
  '5.',
  '0x10',
  '１２',
  // F261
])('the amount %j is never guessed', (amount) => {
  for (const cell of [amount, `"${amount}"`]) {
    const { samples, problems } = readSamples(`amount;idempotency_key\n${cell};one\n`)
    expect(samples).toEqual([])
    expect(problems).toEqual([
      `line 2: the amount "${amount}" is not a whole number of minor units (cents) from 1 on`,
    ])
  }
})

// F262 lines of one CSV file that end with CRLF, LF and CR: each is a separate row
test('CRLF, LF and CR each end a row, also in one file', () => {
  const text = 'idempotency_key,amount,note\r\none,500,a\ntwo,600,b\nthree,700,c\r\nfour,800,d\rfive,900,e'
  const { samples, problems } = readSamples(text)
  expect(samples.map(({ idempotencyKey, amount }) => [idempotencyKey, amount])).toEqual([
    ['one', 500],
    ['two', 600],
    ['three', 700],
    ['four', 800],
    ['five', 900],
  ])
  expect(problems).toEqual([])
})

test.each([
  ['a semicolon', ';'],
  ['a tab', '\t'],
  // F263 a CSV file with semicolons or tabs, in UTF-16, without a usable header, empty, a column named twice:
  //  read, or refused with what was found
])('columns may be separated by %s', (_name, separator) => {
  const text = `idempotency_key,amount,currency\n one , 500 , EUR\ntwo,1250,\n`.replaceAll(',', separator)
  expect(readSamples(text)).toEqual({
    samples: [
      { amount: 500, idempotencyKey: 'one', currency: 'EUR' },
      { amount: 1_250, idempotencyKey: 'two' },
    ],
    problems: [],
  })
})

test.each(['="100",two', '100,tw"o', '"100"0,two', '100,"two', '"100,two', '=50*2,two', '100,="two"'])(
  // F264 a stray quotation mark, a cell such as `="100"`, a quoted cell that encloses other rows, a number
  //  that a spreadsheet shortened: the row is refused, the rows around it are sent
  'the row %s costs itself only',
  (row) => {
    const { samples, problems } = readSamples(`amount,idempotency_key\n500,one\n${row}\n700,three\n`)
    expect(samples).toEqual([
      { amount: 500, idempotencyKey: 'one' },
      { amount: 700, idempotencyKey: 'three' },
    ])
    expect(problems).toEqual([expect.stringMatching(/^line 3: /u)])
  },
)

// F264
test('rows that two stray quotes enclose are refused by their lines, not swallowed', () => {
  const text = 'amount,idempotency_key,note\n500,one,"a\n600,two,b\n700,three,"\n800,four,d\n'
  const { samples, problems } = readSamples(text)
  expect(samples).toEqual([{ amount: 800, idempotencyKey: 'four' }])
  expect(problems).toEqual([
    expect.stringMatching(/^lines 2 to 4: a quoted cell spans lines that look like rows/u),
  ])
})

test.each(['4.50758E+12', '1E+15', '=A2', '#N/A', '#REF!'])(
  // F264
  'the key %s is what a spreadsheet made of another one',
  (key) => {
    const { samples, problems } = readSamples(`amount,idempotency_key\n500,${key}\n`)
    expect(samples).toEqual([])
    expect(problems).toEqual([
      expect.stringContaining(`line 2: the idempotency_key "${key}" is a number that`),
    ])
  },
)

// F265 two rows of a file with one key and different amounts: neither is sent; equal rows are one payment
test('rows that give one key different amounts are all refused, equal rows are sent', () => {
  const text =
    'amount,idempotency_key,currency\n500,a,\n500,a,USD\n600,b,\n700,b,\n800,c,EUR\n800,c,\n900,d,\n'
  const { samples, problems } = readSamples(text)
  expect(samples.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['a', 'a', 'd'])
  expect(problems.map((problem) => problem.slice(0, 32))).toEqual([
    'line 4: the idempotency_key "b" ',
    'line 5: the idempotency_key "b" ',
    'line 6: the idempotency_key "c" ',
    'line 7: the idempotency_key "c" ',
  ])
})

test.each([
  ['', 'missing: amount, idempotency_key; found: an empty file'],
  ['\n \n', 'found: an empty file'],
  ['amount,key\n1,a\n', 'missing: idempotency_key; found: "amount,key", separated by a comma'],
  ['amount|idempotency_key\n1|a\n', 'missing: amount, idempotency_key; found: "amount|idempotency_key"'],
  ['amount,idempotency_key,Amount\n1,a,2\n', 'names the column amount more than once'],
  ['amount;idempotency_key;currency;currency\n', 'names the column currency more than once'],
  ['a\0m\0o\0u\0n\0t\0,\0', 'UTF-16 without a byte order mark'],
  // F263
])('a file without a clear header is refused: %j', (text, message) => {
  expect(() => readSamples(text)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  expect(() => readSamples(text)).toThrow(message)
})

test('a header without rows is no fault', () => {
  expect(readSamples('amount,idempotency_key\n')).toEqual({ samples: [], problems: [] })
})

test('a message quotes the beginning of a long cell only', () => {
  const { problems } = readSamples(`amount,idempotency_key\n${'9'.repeat(1_000_000)},one\n`)
  expect(problems.join('').length).toBeLessThan(200)
})

/** Amounts as people and spreadsheets write them. */
const amountCell = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 10_000_000 }).map(String) },
  fc.constantFrom(
    '',
    '0',
    '1,250',
    '12,50',
    '1.250,00',
    '1 250',
    '1e3',
    '-5',
    '+5',
    '12.50',
    '="100"',
    '\0',
    '９',
  ),
)
const lineEnd = fc.constantFrom('\n', '\r\n', '\r')

// F261
test('each line is sent with the amount it says or is named as refused', () => {
  const line = fc.record({
    amount: amountCell,
    note: fc.oneof(
      fc.string({ unit: fc.constantFrom('a', ' ', ',', ';', '\t', '\u00E4'), maxLength: 8 }),
      fc.constantFrom('"quoted, twice ""over"""', '""', '"open'),
    ),
    // One stray quote: a pair may enclose a separator, and makes another row of it.
    quotesAt: fc.array(fc.nat(30), { maxLength: 1 }),
    end: lineEnd,
  })
  fc.assert(
    fc.property(fc.constantFrom(',', ';', '\t'), fc.array(line, { maxLength: 12 }), (separator, lines) => {
      const text = lines.map(({ amount, note, quotesAt, end }, index) => {
        let row = [amount, `key-${index + 2}`, note].join(separator)
        for (const at of quotesAt) row = `${row.slice(0, at)}"${row.slice(at)}`
        return row + end
      })
      const header = ['amount', 'idempotency_key', 'note'].join(separator)
      const { samples, problems } = readSamples(`${header}\n${text.join('')}`)
      const refused = problems.flatMap((problem) => {
        const [, first = '', last = first] = /^lines? (\d+)(?: to (\d+))?: /u.exec(problem) ?? []
        return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index)
      })
      const lineOf = (key: string): number => Number(/^key-(\d+)$/u.exec(key)?.[1])
      const sent = new Map(
        samples.map(({ idempotencyKey, amount }) => [lineOf(idempotencyKey), String(amount)]),
      )
      for (const [index, { amount }] of lines.entries()) {
        const at = index + 2
        expect([sent.get(at) ?? 'refused', refused.includes(at)]).toEqual(
          sent.has(at) ? [amount, false] : ['refused', true],
        )
      }
      expect(sent.size + refused.length).toBe(lines.length)
    }),
    { numRuns: 5_000 },
  )
})

// F266 an input file of 200,000 rows, an endless one, a terminal that is narrow or no terminal, control
//  characters in a key or an answer: read and shown; refused beyond 100 MiB; nothing reaches the terminal but
//  text
test('a hundred thousand rows and more are read', () => {
  const rows = Array.from({ length: 200_000 }, (_, index) => `${index + 1},key-${index}`)
  const { samples, problems } = readSamples(['amount,idempotency_key', ...rows].join('\n'))
  expect([samples.length, problems.length]).toEqual([200_000, 0])
})

test('two runs send under different keys', () => {
  const keys = [...createSamples('one'), ...createSamples('two')].map(({ idempotencyKey }) => idempotencyKey)
  expect(new Set(keys).size).toBe(keys.length)
})
