import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { createOverview, type OutputStream } from '../../src/demo/overview.ts'
import type { TrackedPayment } from '../../src/demo/follow.ts'

function payment(key: string, changes: Partial<TrackedPayment> = {}): TrackedPayment {
  const sample = { amount: 500, idempotencyKey: key }
  return { sample, trail: [], isReplay: false, durationMs: 0, ...changes }
}

function record(
  terminal: { columns: number; rows: number } | undefined,
): OutputStream & { readonly text: string } {
  let text = ''
  return {
    isTTY: terminal !== undefined,
    ...terminal,
    write(part) {
      text += part
    },
    get text() {
      return text
    },
  }
}

/** What a terminal shows after the text, as far as the overview uses it. */
function render(text: string): string[] {
  const lines = ['']
  let row = 0
  const write = (plain: string): void => {
    for (const [index, part] of plain.replaceAll('\r', '').split('\n').entries()) {
      if (index > 0) row += 1
      lines[row] = (lines[row] ?? '') + part
    }
  }
  for (const part of text.split('\u001b[')) {
    const [, count = '', command = '', plain = ''] =
      /^(?:(?<count>\d+)(?<command>[A-Zm]))?(?<plain>[^]*)$/u.exec(part) ?? []
    if (command === 'A') row -= Number(count)
    else if (command === 'B') row += Number(count)
    else if (command === 'K') lines[row] = ''
    write(plain)
  }
  return lines.map((line) => line.trim().replaceAll(/ +/gu, ' '))
}

test('on a terminal each payment keeps its line, also above a note', () => {
  const [first, second] = [payment('one'), payment('two')]
  const stream = record({ columns: 120, rows: 40 })
  const overview = createOverview([first, second], stream)
  for (const status of ['PENDING', 'QUEUED', 'SUCCESS']) {
    first.trail.push(status)
    overview.update(first)
  }
  overview.note('worker-c1 ended')
  second.trail.push('PENDING')
  overview.update(second)
  expect(render(stream.text)).toEqual([
    'one 500 USD PENDING → QUEUED → SUCCESS',
    'two 500 USD PENDING',
    'worker-c1 ended',
    '',
  ])
})

test('a line never wraps on a narrow terminal', () => {
  const one = payment('a-key-of-some-length', { refusal: 'a long reason '.repeat(20) })
  const stream = record({ columns: 60, rows: 40 })
  createOverview([one], stream)
  const longest = Math.max(
    ...stripVTControlCharacters(stream.text)
      .split('\n')
      .map((line) => line.length),
  )
  expect(longest).toBeLessThan(60)
})

// F266
test.each([1, 20, 30])('a line fits a terminal of %d columns', (columns) => {
  const one = payment('a-key-of-some-length', { trail: ['PENDING', 'SUCCESS'], paymentId: 'pay_1' })
  const stream = record({ columns, rows: 40 })
  const overview = createOverview([one], stream)
  overview.update(one)
  overview.note('a note that is longer than the line')
  for (const line of render(stream.text)) expect(line.length).toBeLessThanOrEqual(Math.max(1, columns - 1))
})

test('a terminal whose size is unknown counts as one of 80 columns and 24 rows', () => {
  const stream = record({ columns: 0, rows: 0 })
  createOverview([payment('one', { trail: ['PENDING', 'QUEUED'] })], stream)
  expect(render(stream.text)[0]).toBe('one 500 USD PENDING → QUEUED')
})

// F266
test('nothing that a file or an answer says controls the terminal', () => {
  const evil = '\u001b]0;title\u0007\u009b2J\r\n\u202e'
  const sample = { amount: 500, idempotencyKey: `key${evil}`, currency: evil }
  for (const terminal of [undefined, { columns: 200, rows: 40 }]) {
    const stream = record(terminal)
    const one = payment('key', { refusal: evil, failureCode: evil, paymentId: 'pay_1' })
    const overview = createOverview([{ ...one, sample }, one], stream)
    overview.update(one)
    overview.note(evil)
    const shown = stream.text.replaceAll(/\p{Cc}\[\d*[ABKm]|\r(?!\n)/gu, '')
    expect(shown).not.toMatch(/(?!\n)\p{Cc}|\p{Bidi_Control}/u)
  }
})

// F266
test('more payments than the stack can hold are shown, at their end only', () => {
  const payments = Array.from({ length: 200_000 }, (_, index) => payment(`key-${index}`))
  const stream = record(undefined)
  const overview = createOverview(payments, stream)
  const [first = payment('none')] = payments
  for (const status of ['PENDING', 'QUEUED', 'SUCCESS']) {
    first.trail.push(status)
    overview.update(first)
  }
  expect(stream.text.match(/\n/gu)).toHaveLength(1)
  expect(stream.text).toContain('PENDING → QUEUED → SUCCESS')
})

test('elsewhere every change is a separate plain line', () => {
  const one = payment('one', { paymentId: 'pay_1' })
  const stream = record(undefined)
  const overview = createOverview([one], stream)
  one.trail.push('PENDING')
  overview.update(one)
  one.trail.push('FAILED')
  one.durationMs = 1234
  overview.update(one)
  expect(stream.text.split('\n').map((line) => line.trim().replaceAll(/ +/gu, ' '))).toEqual([
    'one 500 USD PENDING pay_1',
    'one 500 USD PENDING → FAILED 1.2 s pay_1',
    '',
  ])
})

test('a payment under a known key is called a replay', () => {
  const one = payment('one', { paymentId: 'pay_1', isReplay: true, trail: ['SUCCESS'] })
  const stream = record(undefined)
  createOverview([one], stream).update(one)
  expect(stream.text).toContain('SUCCESS (replay: this key was sent before)')
})

test('more payments than a terminal has rows are shown line by line', () => {
  const payments = Array.from({ length: 30 }, (_, index) => payment(`key-${index}`))
  const stream = record({ columns: 120, rows: 24 })
  const overview = createOverview(payments, stream)
  for (const one of payments) overview.update(one)
  expect(stream.text.split('\n')).toHaveLength(31)
})

test('where the statuses of a payment do not fit, the last one is shown', () => {
  const trail = ['PENDING', 'QUEUED', 'PROCESSING', 'QUEUED', 'PROCESSING', 'SUCCESS']
  const stream = record({ columns: 60, rows: 40 })
  createOverview([payment('one', { trail })], stream)
  expect(render(stream.text)[0]).toBe('one 500 USD … → QUEUED → PROCESSING → SUCCESS')
})
