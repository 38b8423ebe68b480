/** Schemas that several routes share. Messages never repeat what the client sent. */
import * as v from 'valibot'

/** A time as every response writes it. */
export const instant: v.GenericSchema<string> = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.description('RFC 3339, in UTC'),
)

/** A whole number, 0 or more. */
export const count: v.GenericSchema<number> = v.pipe(v.number(), v.integer(), v.minValue(0))

/** The length of a page, as the text of a query. */
export const pageLimit: v.GenericSchema<string | undefined, number> = v.optional(
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
export function listOf(item: v.GenericSchema): v.GenericSchema {
  return v.object({ data: v.array(item) })
}

/** One page of a list. */
export function pageOf(item: v.GenericSchema): v.GenericSchema {
  return v.object({
    data: v.array(item),
    has_more: v.boolean(),
    next_cursor: v.pipe(
      v.nullable(v.string()),
      v.description('For the query parameter "cursor"; null at the end'),
    ),
  })
}
