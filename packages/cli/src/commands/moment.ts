import { FaultySetting, parseDurationMs, type Setting } from '@titan/service'

/** A setting that holds a moment; undefined when it was not given. */
export function momentSetting(flag: string, about: string): Setting<Date | undefined> {
  return {
    flag,
    about,
    hint: 'time',
    shown: '',
    fallback: undefined,
    parse: (text) => parseMoment(text, Date.now()),
  }
}

/** A moment such as `2026-01-31T12:00:00Z`, or how long ago it is, such as `15m` or `2h`. */
export function parseMoment(text: string, now: number): Date {
  if (/^\d+(ms|s|m|h)$/.test(text)) return new Date(now - parseDurationMs(text))
  const [, days] = /^(\d{1,5})d$/.exec(text) ?? []
  if (days !== undefined) return new Date(now - Number(days) * 86_400_000)
  const moment = new Date(text)
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(moment.getTime())) return moment
  throw new FaultySetting('must be a time such as 2026-01-31T12:00:00Z, or an age such as 15m, 2h or 3d')
}
