import { readFileSync } from 'node:fs'
import postgres from 'postgres'
import type { Queryable } from './database.ts'

type Scalar = string | number | boolean | Date | null
type Parameters = Readonly<Record<string, Scalar | Uint8Array | readonly Scalar[]>>

/** Sends one statement, with its parameters by name in camelCase, and resolves with its rows: columns in camelCase, too. */
export type Statement<Row> = (sql: Queryable, parameters: Parameters) => Promise<Row[]>

/** A line of nothing but a comment: the server needs none. */
const COMMENT = /^ *--.*\n/gm
/** A parameter in the header of a statement: `-- PARAMS   $1 lease_ms  float8  …`. */
const PARAMETER = /^-- (?:PARAMS)? +\$\d+ +(\w+)/gm
/** Named on the server, so that each connection parses and plans the text once. */
const PREPARED = { prepare: true, simple: false }

/**
 * Reads the statements of a folder of `.sql` files, each one atomic act in PostgreSQL. The header of a file binds: its
 * PARAMS name what `$1`, `$2` … stand for. A folder is read once, when its program starts.
 */
export function statementsIn(folder: URL): <Row>(name: string) => Statement<Row> {
  return <Row>(name: string): Statement<Row> => {
    const source = readFileSync(new URL(`${name}.sql`, folder), 'utf8')
    const names = [...source.matchAll(PARAMETER)].map(([, parameter = '']) => postgres.toCamel(parameter))
    const text = source.replaceAll(COMMENT, '')
    return async (sql, parameters) => {
      const values = names.map((parameter) => parameters[parameter] as string)
      return inCamelCase<Row>(await sql.unsafe(text, values, PREPARED))
    }
  }
}

/** Renames the columns only; what a column holds stays as it is, JSON as well. */
function inCamelCase<Row>(rows: postgres.RowList<postgres.Row[]>): Row[] {
  if (rows.length === 0) return []
  const columns = rows.columns.map(({ name }) => [name, postgres.toCamel(name)] as const)
  return rows.map((row) => {
    const renamed: Record<string, unknown> = {}
    for (const [column, property] of columns) renamed[property] = row[column]
    return renamed as Row
  })
}

/** Reads one of the statements of this package. */
export const statement = statementsIn(new URL('../../statements/', import.meta.url))

type Field = string | number | boolean | null

/**
 * Defines the records of a composite type: what each column holds, in the order of the columns. `encode` writes an array
 * of records, for a parameter such as `$1::text::payment_claim[]`. By way of text, because the driver takes what has an
 * array's type for a JavaScript array.
 *
 * @see https://www.postgresql.org/docs/current/rowtypes.html#ROWTYPES-IO-SYNTAX
 * @see https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */
export function recordType<Item>(name: string, columns: Readonly<Record<string, (item: Item) => Field>>) {
  const fields = Object.values(columns)
  const toRecord = (item: Item): string => `(${fields.map((field) => toField(field(item))).join(',')})`
  return {
    name,
    columns: Object.keys(columns),
    encode: (items: readonly Item[]) =>
      `{${items.map((item) => `"${withEscapes(toRecord(item))}"`).join(',')}}`,
  }
}

/** What a record's syntax would take for its own; an empty field is null there, an empty string is quoted. */
const QUOTED = /^$|[\s"\\(),]/

function toField(field: Field): string {
  if (field === null) return ''
  // Types forbid it; as text it would be written.
  if (field === undefined) throw new TypeError('a field of a record is undefined')
  if (typeof field !== 'string') return String(field)
  return QUOTED.test(field) ? `"${withEscapes(field)}"` : field
}

function withEscapes(text: string): string {
  return text.replaceAll(/["\\]/g, String.raw`\$&`)
}
