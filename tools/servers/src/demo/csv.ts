/** A row of a CSV text, or why it cannot be read. Lines count from 1. */
export type CsvRow = { readonly firstLine: number; readonly lastLine: number } & (
  | { readonly cells: readonly string[] }
  | { readonly fault: string }
)

/** The cells of a line; `open` when a quoted cell does not end on it, `malformed` when a quote is out of place. */
type Split = readonly string[] | 'open' | 'malformed'

const STRAY_QUOTE = 'a quotation mark inside a cell; quote the whole cell and double the mark'
const UNCLOSED_QUOTE = 'a cell is quoted and the quote is not closed'
const SWALLOWED_ROWS = 'a quoted cell spans lines that look like rows; a closing quote is probably missing'

/** Splits a text into lines. CRLF, LF and CR each end a line, also side by side in one file. */
export function splitLines(text: string) {
  return text.split(/\r\n|\n|\r/u)
}

/** Splits one line into cells; `undefined` when its quotes do not pair up. */
export function splitHeader(line: string, delimiter: string) {
  const split = splitLine(line, delimiter)
  return typeof split === 'string' ? undefined : split
}

/**
 * Reads rows of `columnCount` cells from `lines[start]` on. Each line that is not blank belongs to exactly one row, and a
 * fault costs its own row only: where a quote is never closed, reading resumes on the next line.
 */
export function* readRows(
  lines: readonly string[],
  start: number,
  delimiter: string,
  columnCount: number,
): Generator<CsvRow> {
  for (let at = start; at < lines.length; at += 1) {
    const line = lines[at] ?? ''
    if (trimBlanks(line, delimiter) === '') continue
    const split = splitLine(line, delimiter)
    const [whole, last] = split === 'open' ? joinLines(lines, at, delimiter) : [split, at]
    const place = { firstLine: at + 1, lastLine: last + 1 }
    const continuation = lines.slice(at + 1, last + 1)
    if (whole === 'open') yield { ...place, fault: UNCLOSED_QUOTE }
    else if (whole === 'malformed') yield { ...place, fault: STRAY_QUOTE }
    else if (continuation.some((text) => text.split(delimiter).length >= columnCount))
      yield { ...place, fault: SWALLOWED_ROWS }
    else if (whole.length !== columnCount) yield { ...place, fault: describeCount(whole.length, columnCount) }
    else yield { ...place, cells: whole }
    at = last
  }
}

/** The row whose quoted cell is open at the end of line `at`, with its last line; that line alone when nothing closes it. */
function joinLines(lines: readonly string[], at: number, delimiter: string): [Split, number] {
  for (let last = at + 1; last < lines.length; last += 1) {
    // An even number of quotes leaves the cell open.
    if (((lines[last] ?? '').split('"').length - 1) % 2 === 0) continue
    const split = splitLine(lines.slice(at, last + 1).join('\n'), delimiter)
    return typeof split === 'string' ? ['open', at] : [split, last]
  }
  return ['open', at]
}

function splitLine(line: string, delimiter: string): Split {
  const cells: string[] = []
  for (let at = 0; ; at += 1) {
    const begin = skipBlanks(line, at, delimiter)
    if (line[begin] === '"') {
      const close = findClosingQuote(line, begin + 1)
      if (close === -1) return 'open'
      cells.push(line.slice(begin + 1, close).replaceAll('""', '"'))
      at = skipBlanks(line, close + 1, delimiter)
    } else {
      const end = line.indexOf(delimiter, begin)
      at = end === -1 ? line.length : end
      const cell = line.slice(begin, at)
      if (cell.includes('"')) return 'malformed'
      cells.push(trimBlanks(cell, delimiter))
    }
    if (at === line.length) return cells
    if (line[at] !== delimiter) return 'malformed'
  }
}

/** The index of the quote that closes the cell, past doubled ones; -1 when there is none. */
function findClosingQuote(line: string, from: number) {
  let at = line.indexOf('"', from)
  while (at !== -1 && line[at + 1] === '"') at = line.indexOf('"', at + 2)
  return at
}

function isBlank(character: string | undefined, delimiter: string) {
  return (character === ' ' || character === '\t') && character !== delimiter
}

function skipBlanks(line: string, from: number, delimiter: string) {
  let at = from
  while (isBlank(line[at], delimiter)) at += 1
  return at
}

function trimBlanks(text: string, delimiter: string) {
  let end = text.length
  while (isBlank(text[end - 1], delimiter)) end -= 1
  return text.slice(Math.min(skipBlanks(text, 0, delimiter), end), end)
}

function describeCount(count: number, expected: number) {
  const hint = count > expected ? '; write 1,250 as 1250, or quote a cell that holds the separator' : ''
  return `${count} ${count === 1 ? 'cell' : 'cells'}, but the first line names ${expected} columns${hint}`
}
