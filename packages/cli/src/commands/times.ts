import { FaultySetting, parseDurationMs, type Setting } from '@titan/service'

const DAY_MS = 86_400_000

/** Creates a setting that holds a time or an age; undefined when it was not given. */
export function timestampSetting(flag: string, about: string): Setting<Date | undefined> {
  return {
    flag,
    about: `${about} A time or an age, such as 2h.`,
    hint: 'time',
    shown: '',
    fallback: undefined,
    parse: (text) =>
      parseTime(text, -1, 'a time such as 2026-01-31T12:00:00Z, or an age such as 15m, 2h or 3d'),
  }
}

/** `--expires`: when a key ends; undefined is never. */
export const expirySetting: Setting<Date | undefined> = {
  flag: 'expires',
  about: 'Expiry: a duration such as 12h or 90d, or a time such as 2027-01-31T12:00:00Z.',
  hint: 'time',
  shown: 'never',
  fallback: undefined,
  parse(text) {
    const expiry = parseTime(text, 1, 'a duration such as 12h or 90d, or a time such as 2027-01-31T12:00:00Z')
    if (expiry.getTime() > Date.now()) return expiry
    throw new FaultySetting(`must be in the future, got ${JSON.stringify(text)}`)
  },
}

/** Parses a time, or a length of time from now in one direction. `rule` completes "--flag must be …". */
function parseTime(text: string, direction: 1 | -1, rule: string): Date {
  const [, days] = /^(\d{1,5})d$/.exec(text) ?? []
  if (days !== undefined) return new Date(Date.now() + direction * Number(days) * DAY_MS)
  if (/^\d+(ms|s|m|h)$/.test(text)) return new Date(Date.now() + direction * parseDurationMs(text))
  const timestamp = new Date(text)
  // PostgreSQL has no year 0.
  if (/^(?!0000)\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(timestamp.getTime())) return timestamp
  throw new FaultySetting(`must be ${rule}, got ${JSON.stringify(text)}`)
}
