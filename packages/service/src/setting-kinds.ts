import { parseServerUrl } from './server-url.ts'
import { FaultySetting, type Setting, type SettingNames } from './settings.ts'

/** What is said of a setting of any kind; each kind has defaults for `hint` and `shown`. */
export type SettingBasics = Omit<SettingNames, 'hint' | 'shown' | 'isSwitch'> &
  Partial<Pick<SettingNames, 'hint' | 'shown'>>

/** Names a setting by its variable: the flag of `MAX_RETRIES` is `--max-retries`. */
export function named(env: string, about: string) {
  return { env, flag: env.toLowerCase().replaceAll('_', '-'), about }
}

/** The bounds of a number, and its default; undefined where it may be missing. */
interface NumberRange<Fallback extends number | undefined> {
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

function requireWithin(given: string, value: number, { min, max }: NumberRange<number | undefined>): number {
  return value >= min && value <= max ? value : refuse(`a whole number from ${min} to ${max}`, given)
}

/** Reports what a setting must be, and what was given, shortened; not for settings that may hold a secret. */
function refuse(rule: string, given?: string): never {
  const shown = given !== undefined && given.length > 40 ? `${given.slice(0, 39)}…` : given
  throw new FaultySetting(`must be ${rule}${shown === undefined ? '' : `, got ${JSON.stringify(shown)}`}`)
}

/** What a text must look like: `rule` completes the sentence "--flag must be …". */
interface TextRule {
  readonly form: RegExp
  readonly rule: string
  /** @default '' */
  readonly fallback?: string
}

/** Text of a given form. */
export function text(basics: SettingBasics, { form, rule, fallback = '' }: TextRule): Setting<string> {
  return {
    hint: 'name',
    shown: fallback,
    ...basics,
    fallback,
    parse: (value) => (form.test(value) ? value : refuse(rule)),
  }
}

/** Text of a given form that may be missing. */
export function optionalText(basics: SettingBasics, rule: TextRule): Setting<string | undefined> {
  return { ...text(basics, rule), fallback: undefined }
}

/** What the URL of a server may be. */
interface UrlRule {
  /** The schemes that it may have. */
  readonly schemes: readonly string[]
  /** Whether it may name several hosts. @default false */
  readonly isList?: boolean
}

/** The URL of a server, which must be given. The value stays out of complaints: it may hold a password. */
export function serverUrl(basics: SettingBasics, { schemes, isList = false }: UrlRule): Setting<string> {
  return {
    hint: 'url',
    shown: '',
    ...basics,
    fallback: '',
    isRequired: true,
    parse: (value) => {
      if (!schemes.includes(value.split('://', 1)[0]?.toLowerCase() ?? ''))
        throw new FaultySetting(`must start with ${schemes.map((name) => `${name}://`).join(' or ')}`)
      const parsed = parseServerUrl(value)
      if (parsed !== undefined && (isList || parsed.hosts.length === 1)) return value
      const hosts = isList ? 'host:port, several with commas' : 'host:port'
      throw new FaultySetting(`must be a URL of ${hosts}, in which special characters are percent-encoded`)
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
    parse: (value) =>
      /^(0(\.\d+)?|1(\.0+)?|\.\d+)$/.test(value) ? Number(value) : refuse('a number from 0 to 1', value),
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
      const parts = value.split(',').map((part) => part.trim())
      const items = parts.filter((part) => part !== '').map(parseItem)
      const isValid = (item: Item | undefined): item is Item => item !== undefined
      return items.length > 0 && items.every(isValid) ? items : refuse(rule)
    },
  }
}

/** One of a few words; undefined as fallback where it may be missing. */
export function choice<const Word extends string, Fallback extends Word | undefined>(
  basics: SettingBasics,
  words: readonly Word[],
  fallback: Fallback,
): Setting<Word | Fallback> {
  return {
    hint: words.join('|'),
    shown: fallback ?? '',
    ...basics,
    fallback,
    parse: (value) => words.find((word) => word === value) ?? refuse(`one of ${words.join(', ')}`, value),
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
      return value === 'false' || value === '0' ? false : refuse('true or false', value)
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
  if (count === undefined || factor === undefined) return refuse('a duration such as 30s or 500ms', value)
  return Number(count) * factor
}
