/** Schemas that several routes share. Messages never repeat what the client sent. */
import * as v from 'valibot'

/** Adds what the document says about a value. */
export function described<Schema extends v.GenericSchema>(schema: Schema, text: string) {
  return v.pipe(schema, v.description<v.InferOutput<Schema>, string>(text))
}

/** One of a few words. */
export function oneOf<Words extends readonly string[]>(words: Words) {
  return v.picklist(words, `must be one of ${words.join(', ')}`)
}

/** A JSON body. Unknown members are refused, so that "amout" cannot pass. */
export function bodyOf<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.strictObject(entries, 'must be an object')
}

/** The parameters of a query, none of them unknown. */
export function queryOf<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.strictObject(entries, 'must be a query')
}

/** A time as every response writes it. */
export const instant = v.pipe(v.string(), v.isoTimestamp(), v.description('RFC 3339, in UTC'))

/** What PostgreSQL stores and `Date` writes with four digits of a year. */
const FIRST = Date.parse('0001-01-01T00:00:00Z')
const LAST = Date.parse('9999-12-31T23:59:59.999Z')

/** Reads a time that a client wrote. JavaScript reads the 30th of February as the 2nd of March; this is an invalid date. */
export function toDate(text: string): Date {
  const date = new Date(text)
  const day = text.slice(0, 10)
  const midnight = new Date(`${day}T00:00:00Z`)
  const isDay = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day)
  return isDay && date.getTime() >= FIRST && date.getTime() <= LAST ? date : new Date(Number.NaN)
}

/** A whole number, 0 or more. */
export const count = v.pipe(v.number(), v.integer(), v.minValue(0))

/** The length of a page, as the text of a query. */
export const pageLimit = v.optional(
  v.pipe(
    v.string(),
    v.regex(/^([1-9]\d?|100)$/, 'must be 1 to 100'),
    v.transform(Number),
    v.number(),
    v.integer(),
    v.minValue(1),
    v.maxValue(100),
    v.description('Entries per page. Default: 20'),
  ),
  '20',
)

/** A list that is complete. */
export function listOf(item: v.GenericSchema) {
  return v.object({ data: v.array(item) })
}

/** One page of a list. */
export function pageOf(item: v.GenericSchema) {
  return v.object({
    data: v.array(item),
    has_more: v.boolean(),
    next_cursor: described(v.nullable(v.string()), 'For the query parameter "cursor"; null at the end'),
  })
}
