import * as v from 'valibot'

/** From 1970 on: the database knows no year 0. */
const INSTANT = /^(19[7-9]|[2-9]\d{2})\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/
const LATEST = Date.parse('9999-12-31T23:59:59.999Z')
const INVALID = 'must be a time such as 2026-11-24T12:00:00Z; the "+" of an offset is written %2B in a URL'

/** Validates a time in a query. */
export const instantText: v.GenericSchema<string, Date> = v.pipe(
  v.string('must be text'),
  v.check(isInstant, INVALID),
  v.transform((text) => new Date(text)),
  v.date(INVALID),
)

function isInstant(text: string): boolean {
  return INSTANT.test(text) && isDay(text.slice(0, 10)) && Date.parse(text) <= LATEST
}

/** Returns whether the calendar has this day: JavaScript reads the 30th of February as the 2nd of March. */
function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text)
}
