/** How a setting is given and told: a flag, an environment variable, a default, in this order of precedence. */
export interface SettingNames {
  /** The flag without its dashes, in kebab case. */
  readonly flag: string
  /** The environment variable; an empty one counts as unset. Undefined: flag only, as for what must be asked for anew each time. */
  readonly env?: string
  /** Other variables that are understood in its place. */
  readonly alsoEnv?: readonly string[]
  /** Further ones that whoever reads the variable understands by itself; only shown in the help. */
  readonly alsoRead?: readonly string[]
  readonly about: string
  /** What stands for the value in the help. */
  readonly hint: string
  /** How the help names the default; '' when there is none. */
  readonly shown: string
  /** A flag that takes no value: `--flag` and `--no-flag`. @default false */
  readonly isSwitch?: boolean
}

/** A setting that the program reads itself. */
export interface Setting<Value> extends SettingNames {
  readonly fallback: Value
  /** Reads the text of a flag or variable; throws a FaultySetting that says what it must be. */
  readonly parse: (text: string) => Value
  /** Reads one of the `alsoEnv` variables, when they are written differently. @default parse */
  readonly parseAlso?: (text: string) => Value
}

/** The settings that yield `Values`. */
export type SettingsTable<Values> = { readonly [Name in keyof Values]: Setting<Values[Name]> }

/** Thrown by a setting's `parse`: the rest of the sentence "--flag …". */
export class FaultySetting extends Error {
  readonly code = 'FAULTY_SETTING'
}

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The environment as the command line changes it: a flag replaces its variable, and a variable that is not set
 * takes the value of one that is understood in its place.
 */
export function overlay(
  settings: readonly SettingNames[],
  flags: ReadonlyMap<string, string>,
  env: Environment,
): Environment {
  const merged: Record<string, string | undefined> = { ...env }
  for (const { flag, env: name, alsoEnv = [] } of settings) {
    if (name === undefined) continue
    const stand = [name, ...alsoEnv]
      .map((candidate) => env[candidate])
      .find((text) => text !== undefined && text !== '')
    merged[name] = flags.get(flag) ?? stand
  }
  return merged
}

/** What a table yields, and what is wrong. */
export interface SettingsReading<Values> {
  readonly values: Values
  /** One line for each setting that cannot be used; `values` is complete only without any. */
  readonly faults: readonly string[]
}

/** Resolves a table of settings, all faults at once. */
export function readSettings<Values>(
  table: SettingsTable<Values>,
  flags: ReadonlyMap<string, string>,
  env: Environment,
): SettingsReading<Values> {
  const faults: string[] = []
  const values: Partial<Values> = {}
  for (const name in table) {
    try {
      values[name] = resolve(table[name], flags, env)
    } catch (error) {
      if (!(error instanceof FaultySetting)) throw error
      faults.push(error.message)
    }
  }
  return { values: values as Values, faults }
}

function resolve<Value>(
  setting: Setting<Value>,
  flags: ReadonlyMap<string, string>,
  env: Environment,
): Value {
  const { flag, env: name, alsoEnv = [], parse, parseAlso = parse } = setting
  const given = flags.get(flag)
  if (given !== undefined) return attempt(`--${flag}`, given, parse)
  const own = name === undefined ? undefined : env[name]
  if (name !== undefined && own !== undefined && own !== '') return attempt(name, own, parse)
  for (const other of alsoEnv) {
    const text = env[other]
    if (text !== undefined && text !== '') return attempt(other, text, parseAlso)
  }
  return setting.fallback
}

function attempt<Value>(source: string, text: string, parse: (text: string) => Value): Value {
  try {
    return parse(text)
  } catch (error) {
    throw error instanceof FaultySetting ? new FaultySetting(`${source} ${error.message}`) : error
  }
}
