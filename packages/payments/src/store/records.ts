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
