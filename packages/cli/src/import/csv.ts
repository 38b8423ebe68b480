import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Failure } from '@titan/service'
import { parse } from 'csv-parse'
import { parse as parseNow } from 'csv-parse/sync'
import { quote } from './amount.ts'

/** A row by the names of its columns, or why it cannot be read. Lines count from 1. */
export type Row = { readonly line: number } & (
  | { readonly cells: Readonly<Record<string, string>> }
  | { readonly fault: string }
)

/** The first line of a file that names the columns. */
export interface Header {
  /** Normalized: `Idempotency Key` is `idempotency_key`. Without those at the end that have no name. */
  readonly columns: readonly string[]
  readonly delimiter: string
  /** Number of lines up to it. */
  readonly lines: number
}

const DELIMITERS = [',', ';', '\t']
/** Excel's own line, which names the separator. */
const SEPARATOR_LINE = /^sep=(.)$/i
/** A longer row is one that a stray quote has swallowed. */
const MAX_ROW_BYTES = 64 * 1024

const FAULTS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a cell is quoted and the quote is not closed: nothing after it was read',
  CSV_MAX_RECORD_SIZE: `a row of more than ${MAX_ROW_BYTES / 1_024} kB: is a quote not closed? Nothing after it was read`,
  CSV_INVALID_CLOSING_QUOTE: 'text follows a closing quote: quote the whole cell and double the quotes in it',
  INVALID_OPENING_QUOTE: 'a quote inside a cell: quote the whole cell and double the quotes in it',
}

/** Returns the name of a column as the API writes it. */
function normalize(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, '_')
}

/**
 * Reads the header from the beginning of a text; `isUsable` says whether these are columns that the reader needs. Undefined:
 * the line is not complete.
 *
 * @throws Failure when no separator makes it usable
 */
export function readHeader(
  head: string,
  isComplete: boolean,
  isUsable: (columns: readonly string[]) => boolean,
): (Header & { readonly rest: string }) | undefined {
  let delimiters = DELIMITERS
  let at = 0
  for (let lines = 1; ; lines++) {
    const [, line = '', end = ''] = /^(.*?)(\r\n|\n|\r(?!$)|$)/s.exec(head.slice(at)) ?? []
    if (end === '' && !isComplete) return undefined
    at += line.length + end.length
    const [, separator] = SEPARATOR_LINE.exec(line.trim()) ?? []
    if (separator !== undefined) delimiters = [separator]
    else if (line.trim() !== '')
      return { ...findHeader(line, delimiters, isUsable), lines, rest: head.slice(at) }
    if (at >= head.length && isComplete) throw new Failure('the file is empty')
  }
}

function findHeader(
  line: string,
  delimiters: readonly string[],
  isUsable: (columns: readonly string[]) => boolean,
): Pick<Header, 'columns' | 'delimiter'> {
  const headers = delimiters.map((delimiter) => ({ delimiter, columns: columnsOf(line, delimiter) }))
  const header = headers.find(({ columns }) => isUsable(columns))
  if (header !== undefined) return header
  throw new Failure(`the first line must name the columns amount and idempotency_key, found ${quote(line)}`)
}

function columnsOf(line: string, delimiter: string): string[] {
  try {
    const [names = []] = parseNow(line, { delimiter, trim: true })
    const columns = names.map(normalize)
    return columns.slice(0, columns.findLastIndex((name) => name !== '') + 1)
  } catch {
    return []
  }
}

/** Reads the rows below a header. A fault names all lines that it costs. */
export async function* readRows(
  header: Header,
  texts: AsyncIterable<string>,
): AsyncGenerator<Row, void, undefined> {
  const faults: Row[] = []
  // The last line of the row before; both callbacks come in the order of the rows.
  let end = header.lines
  let isLost = false
  const parser = parse({
    delimiter: header.delimiter,
    max_record_size: MAX_ROW_BYTES,
    record_delimiter: '\n',
    relax_column_count: true,
    skip_records_with_error: true,
    trim: true,
    on_record(record: string[], { lines }) {
      if (isLost) return null
      const line = end + 1
      end = header.lines + lines
      // A record of the parser is whatever this returns.
      return readRow({ line, record }, header) as unknown as string[]
    },
    on_skip(error) {
      if (isLost) return undefined
      const last = Math.max(end + 1, header.lines + Number(error?.['lines'] ?? 0))
      const span = last === end + 1 ? '' : ` (lines ${end + 1} to ${last})`
      faults.push({ line: end + 1, fault: `${FAULTS[error?.code ?? ''] ?? 'the row cannot be read'}${span}` })
      // Where the next row begins is unknown then.
      isLost = error?.code === 'CSV_MAX_RECORD_SIZE'
      end = last
      return undefined
    },
  })
  const feeding = pipeline(Readable.from(withOneLineEnd(texts)), parser)
  // The parser ends with the same error, and throws it below.
  feeding.catch(() => undefined)
  for await (const row of parser as AsyncIterable<Row>) {
    while ((faults[0]?.line ?? Infinity) < row.line) yield faults.shift() as Row
    yield row
  }
  yield* faults
}

/** Ends every line with LF: CRLF, LF and CR may stand side by side in one file. */
async function* withOneLineEnd(texts: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let held = ''
  for await (const text of texts) {
    const whole = held + text
    held = whole.endsWith('\r') ? '\r' : ''
    yield whole.slice(0, whole.length - held.length).replaceAll(/\r\n?/g, '\n')
  }
  if (held !== '') yield '\n'
}

/** Names the cells of a row; null for one without any text. */
function readRow(
  { line, record }: { readonly line: number; readonly record: readonly string[] },
  { columns, delimiter }: Header,
): Row | null {
  const cells = record.map((cell) => cell.trim())
  const filled = cells.findLastIndex((cell) => cell !== '') + 1
  if (filled === 0) return null
  const count = cells.length < columns.length ? cells.length : Math.max(filled, columns.length)
  if (count !== columns.length) {
    const hint = count > columns.length ? '; quote a cell that holds the separator' : ''
    return { line, fault: `${count} cells, but the first line names ${columns.length} columns${hint}` }
  }
  if (cells.some((cell) => looksLikeRows(cell, delimiter, columns.length)))
    return { line, fault: 'a quoted cell spans lines that look like rows: is a closing quote missing?' }
  return { line, cells: Object.fromEntries(columns.map((name, index) => [name, cells[index] ?? ''])) }
}

function looksLikeRows(cell: string, delimiter: string, columnCount: number): boolean {
  const [, ...further] = cell.split('\n')
  return columnCount > 1 && further.some((text) => text.split(delimiter).length >= columnCount)
}
