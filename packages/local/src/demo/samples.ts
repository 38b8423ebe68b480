import { parse } from 'csv-parse/sync'
import { describeError, LocalError } from '../errors.ts'

/** One payment to send. */
export interface Sample {
  /** Minor units of the currency. */
  readonly amount: number
  readonly idempotencyKey: string
  /** ISO 4217 code. @default the API's */
  readonly currency?: string
}

/** What a file holds: payments, and one message for each row that is none. */
export interface SampleFile {
  readonly samples: readonly Sample[]
  readonly problems: readonly string[]
}

const AMOUNTS = [500, 1_250, 89_900, 4_200, 75, 310_000] as const

/** A handful of payments under keys that no other run uses, so that every start shows new ones. */
export function createSamples(runId: string): Sample[] {
  return AMOUNTS.map((amount, index) => ({ amount, idempotencyKey: `demo-${runId}-${index + 1}` }))
}

/**
 * Reads payments from CSV text: a header line with `amount` and `idempotency_key`, optionally `currency`, in any
 * order; other columns are ignored. A bad row costs itself only.
 *
 * @throws LocalError `INVALID_INPUT` when the header is missing a column, or the text is no CSV
 */
export function readSamples(text: string): SampleFile {
  const [header, ...rows] = parseCsv(text)
  const columns = header?.record.map((name) => name.toLowerCase()) ?? []
  const missing = ['amount', 'idempotency_key'].filter((name) => !columns.includes(name))
  if (missing.length > 0) {
    throw new LocalError(
      'INVALID_INPUT',
      `The first line must name the columns amount and idempotency_key (and currency, if any); missing: ${missing.join(', ')}`,
    )
  }
  const samples: Sample[] = []
  const problems: string[] = []
  for (const { record, line } of rows) {
    const cell = (name: string): string => record[columns.indexOf(name)] ?? ''
    const result = readRow(cell('amount'), cell('idempotency_key'), cell('currency'))
    if (typeof result === 'string') problems.push(`line ${line}: ${result}`)
    else samples.push(result)
  }
  return { samples, problems }
}

interface Row {
  readonly record: readonly string[]
  readonly line: number
}

function parseCsv(text: string): Row[] {
  const rows: Row[] = []
  const options = { bom: true, skip_empty_lines: true, trim: true, relax_column_count: true } as const
  try {
    parse(text, {
      ...options,
      on_record: (record: string[], { lines }) => {
        rows.push({ record, line: lines })
        return undefined
      },
    })
  } catch (cause) {
    throw new LocalError('INVALID_INPUT', `This is no CSV: ${describeError(cause)}`, { cause })
  }
  return rows
}

function readRow(amount: string, idempotencyKey: string, currency: string): Sample | string {
  const value = Number(amount)
  if (!/^\d+$/u.test(amount) || !Number.isSafeInteger(value) || value < 1) {
    return `the amount ${JSON.stringify(amount)} is not a whole number of minor units (cents) from 1 on`
  }
  if (idempotencyKey === '') return 'the idempotency_key is missing'
  return currency === '' ? { amount: value, idempotencyKey } : { amount: value, idempotencyKey, currency }
}
