import { FaultySetting, type Setting, type SettingNames } from './settings.ts'

/** What is said of a setting of any kind; each kind has defaults for `hint` and `shown`. */
export type SettingBasics = Omit<SettingNames, 'hint' | 'shown' | 'isSwitch'> &
  Partial<Pick<SettingNames, 'hint' | 'shown'>>

/** The bounds of a number, and its default; undefined where it may be missing. */
export interface NumberRange<Fallback extends number | undefined> {
  readonly fallback: Fallback
  readonly min: number
  readonly max: number
}

/** A whole number within a range. */
export function wholeNumber<Fallback extends number | undefined>(
  basics: SettingBasics,
  range: NumberRange<Fallback>,
): Setting<number | Fallback> {
  return {
    hint: 'n',
    shown: String(range.fallback ?? ''),
    ...basics,
    fallback: range.fallback,
    parse: (value) => requireWithin(value, /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN, range),
  }
}

/** A length of time in milliseconds; the variables of `alsoEnv` may hold `30s`, `500ms`, `2m` or bare seconds. */
export function milliseconds<Fallback extends number | undefined>(
  basics: SettingBasics,
  range: NumberRange<Fallback>,
): Setting<number | Fallback> {
  return {
    ...wholeNumber({ hint: 'ms', ...basics }, range),
    parseAlso: (value) => requireWithin(value, parseDurationMs(value), range),
  }
}

function requireWithin(
  given: string,
  value: number,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  if (value >= min && value <= max) return value
  throw new FaultySetting(`must be a whole number from ${min} to ${max}, got ${quote(given)}`)
}

/** Quotes a given value, shortened. Not for settings that may hold a secret. */
function quote(given: string): string {
  return JSON.stringify(given.length > 40 ? `${given.slice(0, 39)}…` : given)
}

/** Text of a given form. `rule` completes the sentence "--flag must be …". */
export function text(basics: SettingBasics, fallback: string, form: RegExp, rule: string): Setting<string> {
  return {
    hint: 'name',
    shown: fallback,
    ...basics,
    fallback,
    parse: (value) => {
      if (form.test(value)) return value
      throw new FaultySetting(`must be ${rule}`)
    },
  }
}

/** Text that may be missing. `rule` completes the sentence "--flag must be …". */
export function optionalText(basics: SettingBasics, form: RegExp, rule: string): Setting<string | undefined> {
  return { ...text(basics, '', form, rule), fallback: undefined }
}

/** The URL of a server, which must be given. The value stays out of complaints: it may hold a password. */
export function serverUrl(basics: SettingBasics, protocols: readonly string[]): Setting<string> {
  return {
    hint: 'url',
    shown: '',
    ...basics,
    fallback: '',
    isRequired: true,
    parse: (value) => {
      if (URL.canParse(value) && protocols.includes(new URL(value).protocol)) return value
      throw new FaultySetting(`must start with ${protocols.map((name) => `${name}//`).join(' or ')}`)
    },
  }
}

/** A share from 0 to 1 that may be missing. */
export function share(basics: SettingBasics): Setting<number | undefined> {
  return {
    hint: '0..1',
    shown: '',
    ...basics,
    fallback: undefined,
    parse: (value) => {
      if (/^(0(\.\d+)?|1(\.0+)?|\.\d+)$/.test(value)) return Number(value)
      throw new FaultySetting(`must be a number from 0 to 1, got ${quote(value)}`)
    },
  }
}

/** Values separated by commas, at least one. `rule` completes the sentence "--flag must be …". */
export function list<Item>(
  basics: SettingBasics,
  fallback: readonly Item[],
  parseItem: (text: string) => Item | undefined,
  rule: string,
): Setting<readonly Item[]> {
  return {
    hint: 'list',
    shown: fallback.join(','),
    ...basics,
    fallback,
    parse: (value) => {
      const items = value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '')
        .map(parseItem)
      const isValid = (item: Item | undefined): item is Item => item !== undefined
      if (items.length > 0 && items.every(isValid)) return items
      throw new FaultySetting(`must be ${rule}`)
    },
  }
}

/** One of a few words. */
export function choice<Word extends string>(
  basics: SettingBasics,
  words: readonly Word[],
  fallback: Word,
): Setting<Word> {
  return {
    hint: words.join('|'),
    shown: fallback,
    ...basics,
    fallback,
    parse: (value) => {
      const word = words.find((candidate) => candidate === value)
      if (word !== undefined) return word
      throw new FaultySetting(`must be one of ${words.join(', ')}, got ${quote(value)}`)
    },
  }
}

/** Yes or no: `--flag`, `--no-flag`, and true, false, 1 or 0 in the environment. */
export function toggle(basics: SettingBasics, fallback: boolean): Setting<boolean> {
  return {
    hint: '',
    shown: String(fallback),
    ...basics,
    fallback,
    isSwitch: true,
    parse: (value) => {
      if (value === 'true' || value === '1') return true
      if (value === 'false' || value === '0') return false
      throw new FaultySetting(`must be true or false, got ${quote(value)}`)
    },
  }
}

/**
 * Reads a duration such as `30s`, `500ms`, `2m` or a bare count of seconds.
 *
 * @returns milliseconds
 */
export function parseDurationMs(value: string): number {
  const [, count, unit = 's'] = /^(\d{1,9})(ms|s|m|h)?$/.exec(value) ?? []
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit]
  if (count === undefined || factor === undefined)
    throw new FaultySetting(`must be a duration such as 30s or 500ms, got ${quote(value)}`)
  return Number(count) * factor
}
