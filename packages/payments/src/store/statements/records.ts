/** A field of a record. */
export type Field = string | number | boolean | null

/**
 * The text of an array of records, for a parameter such as `${...}::text::payment_claim[]`: by way of text, since the
 * driver takes what has an array's type for a JavaScript array. Fields are in the order of the type's columns.
 *
 * @throws TypeError for a field that is undefined
 * @see https://www.postgresql.org/docs/current/rowtypes.html#ROWTYPES-IO-SYNTAX
 * @see https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */
export function toRecords(rows: readonly (readonly Field[])[]): string {
  return `{${rows.map((row) => `"${withEscapes(toRecord(row))}"`).join(',')}}`
}

function toRecord(row: readonly Field[]): string {
  return `(${row.map(toField).join(',')})`
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
