/** How a setting is named and described. A flag wins over its variable, the variable over the default. */
export interface SettingNames {
  /** The flag without its dashes, in kebab case. Undefined for a secret, which the list of processes would show, and for a detail. */
  readonly flag?: string | undefined
  /** The environment variable; an empty one counts as unset. Undefined for what must be given again each time. */
  readonly env?: string | undefined
  /** Other variables that are read in its place. */
  readonly alsoEnv?: readonly string[] | undefined
  readonly about: string
  /** What stands for the value in the help. */
  readonly hint: string
  /** How the help names the default; '' when there is none. */
  readonly shown: string
  /** A flag that takes no value: `--flag` and `--no-flag`. @default false */
  readonly isSwitch?: boolean | undefined
  /** Takes the words of the command line that follow no flag, such as ids, joined by commas. @default false */
  readonly takesWords?: boolean | undefined
  /** Without a value there is a fault, and no default; a text says which. @default false */
  readonly isRequired?: boolean | string | undefined
}

/** A setting and how its text is read. */
export interface Setting<Value> extends SettingNames {
  readonly fallback: Value
  /** Reads the text of a flag or variable; throws a FaultySetting that says what it must be. */
  readonly parse: (text: string) => Value
  /** Reads one of the `alsoEnv` variables, where they are written differently. @default parse */
  readonly parseAlso?: ((text: string) => Value) | undefined
}

/** The settings that yield `Values`: the one source of parser, help and reference. */
export type SettingsTable<Values> = { readonly [Name in keyof Values]: Setting<Values[Name]> }

/** The values that a table or a record of groups yields. */
export type SettingsOf<Parts> = {
  readonly [Name in keyof Parts]: Parts[Name] extends Setting<infer Value> | SettingsGroup<infer Value>
    ? Value
    : never
}

/** Thrown by a setting's `parse`: the rest of the sentence "--flag …". */
export class FaultySetting extends Error {
  readonly code = 'FAULTY_SETTING'
}

/** Thrown for settings that cannot be used. */
export class InvalidSettings extends Error {
  override readonly name = 'InvalidSettings'
  readonly code = 'INVALID_CONFIG'
  /** Everything that is wrong, one line each. Secrets are not quoted. */
  readonly issues: readonly string[]

  constructor(issues: readonly string[]) {
    super(`invalid configuration:\n${issues.map((issue) => `  - ${issue}`).join('\n')}`)
    this.issues = issues
  }
}

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Where settings are read from. */
export interface SettingsSource {
  readonly environment: Environment
  /** Texts by flag. @default none */
  readonly flags?: ReadonlyMap<string, string> | undefined
}

/** Settings as the help shows them; those without a flag under the title. */
export interface SettingsSection {
  readonly title?: string | undefined
  readonly settings: readonly SettingNames[]
}

/** Settings that are read together into one value, such as the configuration of a package. */
export interface SettingsGroup<Value> {
  readonly sections: readonly SettingsSection[]
  /** @throws InvalidSettings with everything that is wrong */
  read(source: SettingsSource): Value
}

/** The groups that yield `Values`. */
export type SettingsGroups<Values> = { readonly [Name in keyof Values]: SettingsGroup<Values[Name]> }

/** Creates the group of one table. `make` may throw InvalidSettings for values that contradict each other. */
export function settingsGroup<Values, Value>(
  table: SettingsTable<Values>,
  make: (values: Values) => Value,
  title?: string,
): SettingsGroup<Value> {
  return {
    sections: [{ title, settings: Object.values<SettingNames>(table) }],
    read: (source) => make(readSettings(table, source)),
  }
}

/** Reads a table. @throws InvalidSettings with everything that is wrong */
export function readSettings<Values>(table: SettingsTable<Values>, source: SettingsSource): Values {
  return readEach(table, (setting) => resolve(setting, source))
}

/** Reads several groups. @throws InvalidSettings with everything that is wrong in any of them */
export function readGroups<Values>(groups: SettingsGroups<Values>, source: SettingsSource): Values {
  return readEach(groups, (group) => group.read(source))
}

/** Calls several readers. @throws InvalidSettings with everything that is wrong in any of them */
export function readAll<Values>(readers: { readonly [Name in keyof Values]: () => Values[Name] }): Values {
  return readEach(readers, (read) => read())
}

function readEach<Values, Parts extends { readonly [Name in keyof Values]: unknown }>(
  parts: Parts,
  read: <Name extends keyof Values>(part: Parts[Name]) => Values[Name],
): Values {
  const issues: string[] = []
  const values: Partial<Values> = {}
  for (const name in parts) {
    try {
      values[name as unknown as keyof Values] = read(parts[name as unknown as keyof Values])
    } catch (error) {
      if (error instanceof InvalidSettings) issues.push(...error.issues)
      else if (error instanceof FaultySetting) issues.push(error.message)
      else throw error
    }
  }
  if (issues.length > 0) throw new InvalidSettings([...new Set(issues)])
  return values as Values
}

function resolve<Value>(setting: Setting<Value>, { environment, flags }: SettingsSource): Value {
  const { flag = '', env, alsoEnv = [], isRequired = false, parse, parseAlso = parse } = setting
  const given = flags?.get(flag)
  if (given !== undefined) return attempt(`--${flag}`, given, parse)
  const textOf = (name: string | undefined): string => environment[name ?? '']?.trim() ?? ''
  const name = [env, ...alsoEnv].find((candidate) => textOf(candidate) !== '')
  if (name !== undefined) return attempt(name, textOf(name), name === env ? parse : parseAlso)
  if (isRequired === false) return setting.fallback
  throw new FaultySetting(isRequired === true ? `${env ?? `--${flag}`} must be set` : isRequired)
}

function attempt<Value>(source: string, text: string, parse: (text: string) => Value): Value {
  try {
    return parse(text)
  } catch (error) {
    throw error instanceof FaultySetting ? new FaultySetting(`${source} ${error.message}`) : error
  }
}
