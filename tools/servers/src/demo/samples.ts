import { LocalError } from '../errors.ts'
import { readRows, splitHeader, splitLines } from './csv.ts'

/** One payment to send. */
export interface Sample {
  /** Minor units of the currency. */
  readonly amount: number
  readonly idempotencyKey: string
  /** ISO 4217 code. @default the API's */
  readonly currency?: string
}

/** What a file holds. Each row is either a sample or a problem. */
export interface SampleFile {
  readonly samples: readonly Sample[]
  /** One message for each row that is refused, with its line. */
  readonly problems: readonly string[]
}

/** The currency that the API assumes when a payment names none. */
export const DEFAULT_CURRENCY = 'USD'

const AMOUNTS = [500, 1_250, 89_900, 4_200, 75, 310_000] as const
const REQUIRED = ['amount', 'idempotency_key'] as const
const DELIMITERS = [
  [',', 'a comma'],
  [';', 'a semicolon'],
  ['\t', 'a tab'],
] as const
/** The longest part of a cell that a message quotes. */
const MAX_QUOTED = 40
/** Spreadsheets show a long number as 4.50758E+12, and different numbers alike. */
const SHORTENED_NUMBER = /^\d(?:[.,]\d+)?E\+\d+$/u
/** A formula, or an error value such as #N/A. */
const FORMULA = /^(?:=|#(?:N\/A|REF!|VALUE!|NAME\?|DIV\/0!|NUM!|NULL!)$)/u

/** A handful of payments under keys that no other run uses, so that every start shows new ones. */
export function createSamples(runId: string): Sample[] {
  return AMOUNTS.map((amount, index) => ({ amount, idempotencyKey: `demo-${runId}-${index + 1}` }))
}

/**
 * Reads payments from CSV text: a header line with `amount` and `idempotency_key`, optionally `currency`, in any
 * order, separated by comma, semicolon or tab; other columns are ignored. A row that leaves a doubt is refused and costs
 * itself only; an amount is taken as it is written or not at all.
 *
 * @throws LocalError `INVALID_INPUT` when the header does not name each column once
 */
export function readSamples(text: string): SampleFile {
  const lines = splitLines(text.replace(/^\uFEFF/u, ''))
  const header = lines.findIndex((line) => line.trim() !== '')
  const { columns, delimiter } = readHeader(lines[header] ?? '')
  const rows = [...readRows(lines, header + 1, delimiter, columns.length)].map((row) => {
    const { firstLine, lastLine } = row
    const place = firstLine === lastLine ? `line ${firstLine}` : `lines ${firstLine} to ${lastLine}`
    if ('fault' in row) return { place, result: row.fault }
    const cell = (name: string) => row.cells[columns.indexOf(name)] ?? ''
    return { place, result: readRow(cell('amount'), cell('idempotency_key'), cell('currency')) }
  })
  const samples: Sample[] = []
  const problems: string[] = []
  const disputed = findDisputedKeys(rows)
  for (const { place, result } of rows) {
    if (typeof result === 'string') problems.push(`${place}: ${result}`)
    else if (disputed.has(result.idempotencyKey))
      problems.push(
        `${place}: the idempotency_key ${quote(result.idempotencyKey)} stands in several rows with different amounts or currencies; none of them is sent`,
      )
    else samples.push(result)
  }
  return { samples, problems }
}

/** Finds the columns by their names, and what separates them. */
function readHeader(line: string) {
  if (line.includes('\0'))
    throw invalid(
      'The first line holds NUL characters: UTF-16 without a byte order mark? Save the file as UTF-8.',
    )
  const headers = DELIMITERS.map(([delimiter, title]) => {
    const columns = splitHeader(line, delimiter)?.map((name) => name.toLowerCase()) ?? []
    return { delimiter, title, columns, missing: REQUIRED.filter((name) => !columns.includes(name)) }
  })
  const header =
    headers.find(({ missing }) => missing.length === 0) ??
    headers.reduce((best, other) => (other.columns.length > best.columns.length ? other : best))
  const { columns, missing, title } = header
  if (missing.length > 0) {
    const found = line === '' ? 'an empty file' : quote(line)
    const separated = columns.length < 2 ? '' : `, separated by ${title}`
    throw invalid(
      `The first line must name the columns amount and idempotency_key (and currency, if any); ` +
        `missing: ${missing.join(', ')}; found: ${found}${separated}`,
    )
  }
  const twice = [...REQUIRED, 'currency'].find((name) => columns.indexOf(name) !== columns.lastIndexOf(name))
  if (twice === undefined) return header
  throw invalid(
    `The first line names the column ${twice} more than once. Which one counts is unclear: rename the others.`,
  )
}

function readRow(amount: string, idempotencyKey: string, currency: string): Sample | string {
  const value = Number(amount)
  if (!/^\d+$/u.test(amount) || !Number.isSafeInteger(value) || value < 1)
    return `the amount ${quote(amount)} is not a whole number of minor units (cents) from 1 on`
  if (idempotencyKey === '') return 'the idempotency_key is missing'
  if (SHORTENED_NUMBER.test(idempotencyKey) || FORMULA.test(idempotencyKey))
    return `the idempotency_key ${quote(idempotencyKey)} is a number that a spreadsheet has shortened, a formula or its error; format the column as text`
  return { amount: value, idempotencyKey, ...(currency !== '' && { currency }) }
}

/** Finds keys that rows of different content share: which of them is meant, only the author of the file knows. */
function findDisputedKeys(rows: readonly { readonly result: Sample | string }[]) {
  const contents = new Map<string, string>()
  const disputed = new Set<string>()
  for (const { result } of rows) {
    if (typeof result === 'string') continue
    const { amount, idempotencyKey, currency = DEFAULT_CURRENCY } = result
    const content = `${amount} ${currency}`
    if ((contents.get(idempotencyKey) ?? content) !== content) disputed.add(idempotencyKey)
    contents.set(idempotencyKey, content)
  }
  return disputed
}

/** A cell in a message: its beginning, on one line. */
function quote(cell: string) {
  return JSON.stringify(cell.length > MAX_QUOTED ? `${cell.slice(0, MAX_QUOTED)}…` : cell)
}

function invalid(message: string) {
  return new LocalError('INVALID_INPUT', message)
}
