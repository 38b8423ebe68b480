import { readJson, readLine, type FieldError, type Line } from '@titan/api/lines'
import { unescapeFormulas } from '@titan/payments'
import { Failure } from '@titan/service'
import { quote, readAmount, type Amount, type AmountForm } from './amount.ts'

/** How the rows of a file are read. */
export interface RowForm {
  readonly amounts: AmountForm
  /** Currency of a row that names none. */
  readonly currency: string
  /** Whether it is an export, which escapes formulas. @default false */
  readonly isExport?: boolean
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

/**
 * Reads a row as a body of `POST /pay`; a text tells why it cannot be one.
 *
 * @throws Failure when its amount shows that no amount of the file can be trusted
 */
export function readPaymentRow(
  cells: Readonly<Record<string, string>>,
  { amounts, currency: fallback, isExport = false }: RowForm,
): Line | string {
  const given = Object.entries(cells).filter(([name, cell]) => COLUMNS.has(name) && cell !== '')
  const broken = given.map(([name, cell]) => faultOf(name, cell)).find((fault) => fault !== undefined)
  if (broken !== undefined) return broken
  const texts = isExport ? given.map(([name, cell]) => [name, unescapeFormulas(cell)] as const) : given
  const { idempotency_key: key = '', currency = fallback, amount = '', ...rest } = Object.fromEntries(texts)
  if (key === '') return 'the idempotency_key is missing'
  if (SHORTENED_NUMBER.test(key))
    return `the idempotency_key ${quote(key)} is a number that a spreadsheet has shortened: format the column as text`
  const read = readAmount(amount, amounts, currency)
  if ('fault' in read) return refuse(read)
  const said = membersOf(rest)
  if (typeof said === 'string') return said
  return readLine({ ...said.members, amount: read.minor, currency, idempotency_key: key }, said.faults)
}

/** In a file with an amount of another form 13 means 13.00, and nothing in that row shows it. @throws Failure */
function refuse({ fault, isOtherForm }: Extract<Amount, { readonly fault: string }>): string {
  if (isOtherForm === true) throw new Failure(fault)
  return fault
}

/** What cells say, and what their JSON lost. */
interface Said {
  readonly members: Readonly<Record<string, unknown>>
  readonly faults: readonly FieldError[]
}

/** Returns what the other cells say, or why they cannot say it. */
function membersOf(cells: Readonly<Record<string, string>>): Said | string {
  const members: Record<string, unknown> = { priority: 'low' }
  const faults: FieldError[] = []
  for (const [name, cell] of Object.entries(cells)) {
    const member = memberOf(name, cell)
    if (member === undefined)
      return `${name} must be ${FLAGS.includes(name) ? 'true or false' : 'JSON'}, got ${quote(cell)}`
    members[name] = member.value
    for (const fault of member.errors)
      faults.push({ pointer: `/${name}${'pointer' in fault ? fault.pointer : ''}`, detail: fault.detail })
  }
  return { members, faults }
}

/** Returns why a cell cannot be what its author has seen. */
function faultOf(name: string, cell: string): string | undefined {
  if (cell.includes('\uFFFD')) return `${name} has bytes of another encoding than the rest of the file`
  return FORMULA.test(cell) ? `${name} is a formula or the error of one: ${quote(cell)}` : undefined
}

/** Returns what a cell says; undefined for one that says nothing. */
function memberOf(
  name: string,
  cell: string,
): { readonly value: unknown; readonly errors: readonly FieldError[] } | undefined {
  if (FLAGS.includes(name)) {
    const value = { true: true, false: false }[cell.toLowerCase()]
    return value === undefined ? undefined : { value, errors: [] }
  }
  if (!OBJECTS.includes(name) || !cell.startsWith('{')) return { value: cell, errors: [] }
  try {
    return readJson(cell)
  } catch {
    return undefined
  }
}
