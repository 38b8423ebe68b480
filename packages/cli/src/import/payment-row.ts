import { readLine, type Line } from '@titan/api/lines'
import { quote, readAmount, type AmountForm } from './amount.ts'

/** How the rows of a file are read. */
export interface RowForm {
  readonly amounts: AmountForm
  /** Currency of a row that names none. */
  readonly currency: string
}

/** The members of a payment that are text. */
const TEXTS = [
  'idempotency_key',
  'reference',
  'description',
  'statement_descriptor',
  'capture',
  'return_url',
  'priority',
  'execute_at',
  'expires_at',
]
/** The members that may be an object, as JSON. */
const OBJECTS = ['payment_method', 'customer', 'metadata']
const FLAGS = ['customer_present']

/** The columns that a payment is read from. */
export const COLUMNS: ReadonlySet<string> = new Set(['amount', 'currency', ...TEXTS, ...OBJECTS, ...FLAGS])

/** Spreadsheets show a long number as 4.50758E+12, and different numbers alike. */
const SHORTENED_NUMBER = /^\d(?:[.,]\d+)?E\+\d+$/i
/** A formula, or an error value in English or German. */
const FORMULA = /^(?:=|#(?:N\/A|REF!|VALUE!|NAME\?|DIV\/0!|NUM!|NULL!|SPILL!|NV|BEZUG!|WERT!|ZAHL!|#+)$)/

/** Reads a row as a body of `POST /pay`; a text tells why it cannot be one. */
export function readPaymentRow(
  cells: Readonly<Record<string, string>>,
  { amounts, currency: fallback }: RowForm,
): Line | string {
  const given = Object.entries(cells).filter(([name, cell]) => COLUMNS.has(name) && cell !== '')
  const broken = given.find(([, cell]) => FORMULA.test(cell) || cell.includes('\uFFFD'))
  if (broken !== undefined)
    return broken[1].includes('\uFFFD')
      ? `${broken[0]} has bytes of another encoding than the rest of the file`
      : `${broken[0]} is a formula or the error of one: ${quote(broken[1])}`
  const { idempotency_key: key = '', currency = fallback, amount = '', ...rest } = Object.fromEntries(given)
  if (key === '') return 'the idempotency_key is missing'
  if (SHORTENED_NUMBER.test(key))
    return `the idempotency_key ${quote(key)} is a number that a spreadsheet has shortened: format the column as text`
  const read = readAmount(amount, amounts, currency)
  if ('fault' in read) return read.fault
  const members: Record<string, unknown> = { priority: 'low' }
  for (const [name, cell] of Object.entries(rest)) {
    const member = memberOf(name, cell)
    if (member === undefined)
      return `${name} must be ${FLAGS.includes(name) ? 'true or false' : 'JSON'}, got ${quote(cell)}`
    members[name] = member
  }
  return readLine({ ...members, amount: read.minor, currency, idempotency_key: key })
}

/** Returns what a cell says; undefined for one that says nothing. */
function memberOf(name: string, cell: string): unknown {
  if (FLAGS.includes(name)) return { true: true, false: false }[cell.toLowerCase()]
  if (!OBJECTS.includes(name) || !cell.startsWith('{')) return cell
  try {
    return JSON.parse(cell) as unknown
  } catch {
    return undefined
  }
}
