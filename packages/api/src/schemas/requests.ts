/** Members of bodies and parameters of queries that several routes read. Messages never repeat what the client sent. */
import * as v from 'valibot'
import { KEY_FORMAT } from '../http/idempotency-key.ts'
import { described, toDate } from './parts.ts'

/** An amount of money, as a member of a body. */
export const amount = v.pipe(
  v.number('must be a number'),
  v.safeInteger('must be a whole number of minor units (such as cents), at most 9007199254740991'),
  v.minValue(1, 'must be at least 1'),
  v.description('Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD'),
)

/** An idempotency key, which may come in the header instead; `scope` is within what it is unique. */
export function keyOf(scope: string) {
  return v.pipe(
    v.string('must be a string'),
    v.regex(KEY_FORMAT, 'must have 1 to 255 visible ASCII characters, without spaces'),
    v.description(`1 to 255 visible ASCII characters, case-sensitive; unique for ${scope}`),
  )
}

/** The cursor of a list. */
export const cursorText = v.pipe(
  v.string(),
  v.maxLength(512, 'is too long'),
  v.description('The next_cursor of the previous page, with the same filters'),
)

/** No payment is older than 1970. */
const INSTANT = /^(19[7-9]|[2-9]\d{2})\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/
const NO_INSTANT = 'must be a time such as 2026-11-24T12:00:00Z; the "+" of an offset is written %2B in a URL'

/** A time, as text. */
export const instantText = v.pipe(
  v.string('must be text'),
  v.regex(INSTANT, NO_INSTANT),
  v.transform(toDate),
  v.date(NO_INSTANT),
)

/** The bounds of the time of creation. */
export const createdRange = {
  created_after: v.exactOptional(described(instantText, 'Created at this time (RFC 3339) or later')),
  created_before: v.exactOptional(described(instantText, 'Created before this time (RFC 3339)')),
}
