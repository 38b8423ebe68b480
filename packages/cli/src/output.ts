import { styleText } from 'node:util'
import { printable } from '@titan/service'
import Table from 'cli-table3'

/** A colour or weight of text on a terminal. */
export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red'

/** Text in a style: only where it is seen on a terminal, and not where NO_COLOR is set. */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout })
}

/** What a cell holds; null is shown as a dash. Text loses what would control a terminal, so a style is named separately. */
export type Cell = string | number | null | { readonly style: Style; readonly text: string }

const NO_LINES = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '' }
const NO_FRAME = { 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '' }
const LAYOUT = {
  chars: { ...NO_LINES, ...NO_FRAME, right: '', 'right-mid': '', middle: '  ' },
  style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
}

/** Rows under the names of their cells, for people. Control characters of what others wrote do not reach the terminal. */
export function formatTable(rows: readonly Readonly<Record<string, Cell>>[], whenEmpty = 'none'): string {
  const [first] = rows
  if (first === undefined) return whenEmpty
  const names = Object.keys(first)
  const table = new Table({
    ...LAYOUT,
    head: names.map((name) => styled('bold', name)),
    colAligns: names.map((name) => (rows.every((row) => typeof row[name] === 'number') ? 'right' : 'left')),
  })
  // One by one: a spread would put every row on the stack.
  for (const row of rows) table.push(Object.values(row).map(formatCell))
  return trimLines(table.toString())
}

/** Names and their values, one a line; undefined is left out. */
export function formatFacts(facts: Readonly<Record<string, Cell | undefined>>): string {
  const table = new Table(LAYOUT)
  for (const [name, value] of Object.entries(facts))
    if (value !== undefined) table.push([styled('dim', printable(name)), formatCell(value)])
  return trimLines(table.toString())
}

/** Bodies under their titles, an empty line between them; undefined is left out. */
export function formatSections(sections: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(sections)
    .flatMap(([title, body]) => (body === undefined ? [] : `${styled('bold', printable(title))}\n${body}`))
    .join('\n\n')
}

/** A number that calls for attention unless it is zero. */
export function alarming(style: Style, count: number): Cell {
  return count === 0 ? count : { style, text: String(count) }
}

/** A length of time, such as `350 ms`, `12 s`, `5 min`, `3 h` or `2 d`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Math.floor(ms / 1_000)} s`
  if (ms < 7_200_000) return `${Math.floor(ms / 60_000)} min`
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`
  return `${Math.floor(ms / 86_400_000)} d`
}

/** Formats a time in UTC, to the second. */
export function formatTimestamp(time: Date | number | null | undefined): string | null {
  if (time === null || time === undefined) return null
  return `${new Date(time).toISOString().slice(0, 19)}Z`
}

/** Text in one line of at most `longest` characters. */
export function shorten(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text
}

/** Any value as JSON in one line of at most `longest` characters. */
export function formatData(data: unknown, longest = Infinity): string {
  return shorten(JSON.stringify(data) ?? '', longest)
}

/** A value as JSON in one line, with escapes for what would control a terminal: JSON itself leaves C1 and DEL as they are. */
export function formatJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function formatCell(cell: Cell): string {
  if (cell === null || cell === '') return '-'
  if (typeof cell === 'object') return styled(cell.style, printable(cell.text))
  return printable(String(cell))
}

function trimLines(text: string): string {
  return text.replaceAll(/[ \t]+$/gm, '')
}
