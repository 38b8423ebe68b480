import { FaultySetting, parseDurationMs, type Setting } from '@titan/service'

/** Creates a setting that holds a time; undefined when it was not given. */
export function timestampSetting(flag: string, about: string): Setting<Date | undefined> {
  return {
    flag,
    about,
    hint: 'time',
    shown: '',
    fallback: undefined,
    parse: (text) => parseTimestamp(text, Date.now()),
  }
}

/** Parses a time such as `2026-01-31T12:00:00Z`, or an age such as `15m` or `2h`. */
export function parseTimestamp(text: string, now: number): Date {
  if (/^\d+(ms|s|m|h)$/.test(text)) return new Date(now - parseDurationMs(text))
  const [, days] = /^(\d{1,5})d$/.exec(text) ?? []
  if (days !== undefined) return new Date(now - Number(days) * 86_400_000)
  const timestamp = new Date(text)
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(timestamp.getTime())) return timestamp
  throw new FaultySetting(
    `must be a time such as 2026-01-31T12:00:00Z, or an age such as 15m, 2h or 3d, got ${JSON.stringify(text)}`,
  )
}
