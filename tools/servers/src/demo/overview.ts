import { styleText } from 'node:util'
import { isSettled, type TrackedPayment } from './follow.ts'
import { DEFAULT_CURRENCY } from './samples.ts'

/** Where the lines go: standard output, or anything like it. */
export interface OutputStream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

// Below the overview there is room for a few lines of the shell.
const MARGIN_ROWS = 4
/** Up to this many payments are shown at every step, more only at their end. */
const MAX_STEPS_SHOWN = 1_000
const MAX_KEY_WIDTH = 32
const COLORS = [
  ['SUCCESS', 'green'],
  ['FAILED', 'red'],
  ['PROCESSING', 'yellow'],
] as const

/**
 * Shows payments, one line each. On a terminal a payment's line is updated in place; elsewhere, and with more payments
 * than the terminal has rows, a line is added for each change.
 */
export function createOverview(payments: readonly TrackedPayment[], stream: OutputStream) {
  // A spread would put every payment of a file on the stack.
  const keyWidth = payments.reduce((width, { sample }) => Math.max(width, sample.idempotencyKey.length), 0)
  const line = (payment: TrackedPayment) => formatPayment(payment, Math.min(keyWidth, MAX_KEY_WIDTH), stream)
  const isInPlace = stream.isTTY === true && payments.length + MARGIN_ROWS <= rowsOf(stream)
  if (!isInPlace) {
    return {
      update(payment: TrackedPayment) {
        if (payments.length <= MAX_STEPS_SHOWN || isSettled(payment)) stream.write(`${line(payment)}\n`)
      },
      note: (text: string) => void stream.write(`${printable(text)}\n`),
    }
  }

  stream.write(payments.map((payment) => `${line(payment)}\n`).join(''))
  let noteCount = 0
  return {
    update(payment: TrackedPayment) {
      const up = payments.length - payments.indexOf(payment) + noteCount
      // Beyond the top of the terminal there is no line to update any more.
      if (up >= rowsOf(stream)) return
      // Up to the payment's line, clear it, write it, and back down.
      stream.write(`\u001b[${up}A\r\u001b[2K${line(payment)}\u001b[${up}B\r`)
    },
    /** Adds a line below the payments, without disturbing them. */
    note(text: string) {
      noteCount += 1
      stream.write(`${shorten(printable(text), columnsOf(stream) - 1)}\n`)
    },
  }
}

/** One payment in one line: key, amount, the statuses so far, why it failed, how long it took, its id. */
function formatPayment(payment: TrackedPayment, keyWidth: number, stream: OutputStream) {
  const { sample } = payment
  // A key has visible ASCII characters only. Others may be wider than they are long.
  const key = sample.idempotencyKey.replaceAll(/[^\x21-\x7e]/gu, '·')
  const amount = printable(`${sample.amount} ${sample.currency ?? DEFAULT_CURRENCY}`).padStart(11)
  const head = `  ${shorten(key, keyWidth).padEnd(keyWidth)} ${amount}  `
  const details = describeDetails(payment)
  if (stream.isTTY !== true) return [head + printable(describeState(payment, Infinity)), ...details].join(' ')

  // A line that wraps could not be updated in place, so what does not fit is left out.
  const width = columnsOf(stream) - 1
  let room = width - head.length
  const text = printable(describeState(payment, room))
  if (room <= 0) return shorten(head + text, width)
  const shown = shorten(text, room)
  room -= shown.length
  const fitting = details.filter((detail) => (room -= detail.length + 1) >= 0)
  return [head + paint(shown), ...fitting.map((detail) => styleText('dim', detail))].join(' ')
}

/** Leaves out the first statuses where `width` is too small for all, because the last one is the result. */
function describeState({ refusal, repeating, trail }: TrackedPayment, width: number) {
  if (refusal !== undefined) return `rejected: ${refusal}`
  if (repeating !== undefined && trail.length === 0) return `retrying after ${repeating}`
  const ways = trail.map((_, from) => [...(from === 0 ? [] : ['…']), ...trail.slice(from)].join(' → '))
  return ways.find((way) => way.length <= width) ?? trail.at(-1) ?? ''
}

/** A pseudo-terminal whose size was never set says 0. */
function columnsOf({ columns }: OutputStream) {
  return columns || 80
}

function rowsOf({ rows }: OutputStream) {
  return rows || 24
}

/** What is said behind the statuses, the most important first. */
function describeDetails({ paymentId, isReplay, durationMs, trail, failureCode }: TrackedPayment) {
  if (paymentId === undefined) return []
  const isOver = trail.at(-1) === 'SUCCESS' || trail.at(-1) === 'FAILED'
  return [
    ...(failureCode === undefined ? [] : [printable(`(${failureCode})`)]),
    ...(isReplay ? ['(replay: this key was sent before)'] : []),
    ...(isOver && !isReplay ? [`${(durationMs / 1000).toFixed(1)} s`] : []),
    paymentId,
  ]
}

function paint(text: string) {
  return COLORS.reduce(
    (painted, [status, color]) => painted.replaceAll(status, styleText(color, status)),
    text,
  )
}

function shorten(text: string, width: number) {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text
}

/** Makes one line of a text: control characters, line ends and marks that change the direction of writing become dots. */
export function printable(text: string) {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, '·')
}
