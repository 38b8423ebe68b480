import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Line } from '@titan/api/lines'
import { containsCardNumber, unescapeFormulas } from '@titan/payments'
import { Failure } from '@titan/service'
import { isInstance, textOf } from '@titan/queue-core/text-of'
import { readHeader, readRows, type Header, type Row } from './csv.ts'
import { decodeText } from './encoding.ts'
import { readJsonLines } from './json-lines.ts'
import { COLUMNS, readPaymentRow, type RowForm } from './payment-row.ts'

/** A payment of a file, or a text or problem that tells why it is none. Lines count from 1. */
export interface Entry {
  readonly line: number
  readonly read: Line | string
  /** The key, also of a line that is no payment. */
  readonly key?: string | undefined
}

/** A file whose beginning was read. */
export interface Source {
  readonly entries: AsyncIterable<Entry>
  /** Columns that say nothing of a payment. */
  readonly ignored: readonly string[]
}

/** Longest beginning of a file in which its header is looked for, in characters. */
const MAX_HEAD = 64 * 1024
const REQUIRED = ['amount', 'idempotency_key']
/** The column that only exports have. */
const EXPORTED = 'payment_id'
/** What exports say beyond a request. */
const OUTCOMES = [
  EXPORTED,
  'account',
  'status',
  'amount_captured',
  'amount_refunded',
  'gateway',
  'gateway_ref',
  'failure_code',
  'failure_kind',
  'attempts',
  'created_at',
  'updated_at',
]

/**
 * Reads a file to its end before anything of it is stored. What can be read only once, such as a pipe, is not.
 *
 * @throws Failure when its amounts cannot be trusted
 */
export async function checkWhole(path: string, form: RowForm, signal: AbortSignal): Promise<void> {
  if (path === '-' || !(await stat(path)).isFile()) return
  const { bytes } = await openBytes(path, () => undefined)
  const { entries } = await openSource(bytes, form)
  const reading = entries[Symbol.asyncIterator]()
  while (!signal.aborted && (await reading.next()).done !== true);
}

/** Opens a file, or standard input for `-`. `onBytes` receives the number of bytes that were read. @throws Failure */
export async function openBytes(path: string, onBytes: (total: number) => void) {
  const size = path === '-' ? 0 : await sizeOf(path)
  async function* count(): AsyncGenerator<Buffer, void, undefined> {
    let total = 0
    const stream = path === '-' ? process.stdin : createReadStream(path)
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      yield chunk
      onBytes((total += chunk.length))
    }
  }
  return { size, bytes: count() }
}

async function sizeOf(path: string): Promise<number> {
  try {
    const { size } = await stat(path)
    return size
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${textOf(error)}`, { cause: error })
  }
}

/** Reads the beginning of a file: lines of JSON, or CSV with a header. @throws Failure when it is neither */
export async function openSource(bytes: AsyncIterable<Buffer>, form: RowForm): Promise<Source> {
  const texts = decodeText(bytes)
  let head = ''
  for (;;) {
    const { done = false, value } = await texts.next()
    head += value ?? ''
    if (head.trimStart().startsWith('{')) return { entries: readLines(after(head, texts), form), ignored: [] }
    const header = readHeader(head, done, (columns) => REQUIRED.every((name) => columns.includes(name)))
    if (header !== undefined) return sourceOf(header, readRows(header, after(header.rest, texts)), form)
    if (head.length > MAX_HEAD) throw new Failure('the first line is too long to name columns')
  }
}

async function* after(head: string, texts: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  yield head
  yield* texts
}

async function* readLines(
  texts: AsyncIterable<string>,
  { currency }: RowForm,
): AsyncGenerator<Entry, void, undefined> {
  for await (const { line, read = 'the line has more than 64 kB' } of readJsonLines(
    texts,
    { currency, priority: 'low' },
    OUTCOMES,
  ))
    yield { line, read }
}

/** @throws Failure with the line */
function readRowOf({ line, cells }: Extract<Row, { readonly cells: object }>, form: RowForm): Line | string {
  try {
    return readPaymentRow(cells, form)
  } catch (error) {
    throw isInstance(error, Failure) ? new Failure(`line ${line}: ${error.message}`, { cause: error }) : error
  }
}

/** @throws Failure when a column that counts is there twice */
function sourceOf({ columns }: Header, rows: AsyncIterable<Row>, form: RowForm): Source {
  const twice = columns.find((name, index) => COLUMNS.has(name) && columns.indexOf(name) !== index)
  if (twice !== undefined)
    throw new Failure(`the first line names the column ${twice} twice: rename the one that does not count`)
  const isExport = columns.includes(EXPORTED)
  const ignored = columns.filter((name) => !COLUMNS.has(name) && !(isExport && OUTCOMES.includes(name)))
  async function* read(): AsyncGenerator<Entry, void, undefined> {
    for await (const row of rows) {
      if ('fault' in row) {
        yield { line: row.line, read: row.fault }
        continue
      }
      const { idempotency_key: cell = '' } = row.cells
      const key = isExport ? unescapeFormulas(cell) : cell
      const isShown = key !== '' && !containsCardNumber(key)
      yield { line: row.line, key: isShown ? key : undefined, read: readRowOf(row, { ...form, isExport }) }
    }
  }
  return { entries: read(), ignored }
}
