import { styleText } from 'node:util'
import type { TrackedPayment } from './follow.ts'

/** Where the lines go: standard output, or anything like it. */
export interface BoardStream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

/** Shows payments, one line each. */
export interface Board {
  /** Shows a change. On a terminal the payment's line is updated in place, elsewhere a line is added. */
  update(payment: TrackedPayment): void
  /** Adds a line below the payments, without disturbing them. */
  note(line: string): void
}

// Below the board there is room for a few lines of the shell.
const MARGIN_ROWS = 4
const COLORS = { SUCCESS: 'green', FAILED: 'red', PROCESSING: 'yellow' } as const

/** Creates a board. More payments than the terminal has rows are shown as added lines. */
export function createBoard(payments: readonly TrackedPayment[], stream: BoardStream): Board {
  const keyWidth = Math.max(0, ...payments.map(({ sample }) => sample.idempotencyKey.length))
  const line = (payment: TrackedPayment): string => formatPayment(payment, Math.min(keyWidth, 32), stream)
  const isInPlace = stream.isTTY === true && payments.length + MARGIN_ROWS <= (stream.rows ?? 24)
  if (!isInPlace) {
    return {
      update: (payment) => void stream.write(`${line(payment)}\n`),
      note: (text) => void stream.write(`${text}\n`),
    }
  }

  stream.write(payments.map((payment) => `${line(payment)}\n`).join(''))
  let noteCount = 0
  return {
    update(payment) {
      const up = payments.length - payments.indexOf(payment) + noteCount
      // Beyond the top of the terminal there is no line to update any more.
      if (up >= (stream.rows ?? 24)) return
      // Up to the payment's line, clear it, write it, and back down.
      stream.write(`\u001b[${up}A\r\u001b[2K${line(payment)}\u001b[${up}B\r`)
    },
    note(text) {
      noteCount += 1
      stream.write(`${shorten(text, (stream.columns ?? 80) - 1)}\n`)
    },
  }
}

/** One payment in one line: key, amount, the statuses so far, why it failed, how long it took, its id. */
function formatPayment(payment: TrackedPayment, keyWidth: number, stream: BoardStream): string {
  const { sample, trail } = payment
  const amount = `${sample.amount} ${sample.currency ?? 'USD'}`.padStart(11)
  const head = `  ${shorten(sample.idempotencyKey, keyWidth).padEnd(keyWidth)} ${amount}  `
  const text = payment.refusal === undefined ? trail.join(' → ') : `not accepted: ${payment.refusal}`
  const details = describeDetails(payment)
  if (stream.isTTY !== true) return [head + text, ...details].join(' ')

  // A line that wraps could not be updated in place, so what does not fit is left out.
  let room = (stream.columns ?? 80) - head.length - 1
  const shown = shorten(text, room)
  room -= shown.length
  const fitting = details.filter((detail) => (room -= detail.length + 1) >= 0)
  return [head + paint(shown), ...fitting.map((detail) => styleText('dim', detail))].join(' ')
}

/** What is said behind the statuses, the most important first. */
function describeDetails({ paymentId, isReplay, durationMs, trail, failureCode }: TrackedPayment): string[] {
  if (paymentId === undefined) return []
  const isOver = trail.at(-1) === 'SUCCESS' || trail.at(-1) === 'FAILED'
  return [
    ...(failureCode === undefined ? [] : [`(${failureCode})`]),
    ...(isReplay ? ['(replay: this key was sent before)'] : []),
    ...(isOver && !isReplay ? [`${(durationMs / 1000).toFixed(1)} s`] : []),
    paymentId,
  ]
}

function paint(text: string): string {
  return text.replaceAll(/SUCCESS|FAILED|PROCESSING/gu, (status) => {
    const color = Object.entries(COLORS).find(([name]) => name === status)?.[1]
    return color === undefined ? status : styleText(color, status)
  })
}

function shorten(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text
}
