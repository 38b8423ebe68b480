import { isInstance, nameOf, propertyOf, textOf } from '@titan/queue-core/text-of'
import { parseArgs, type ArgsDef } from 'citty'
import { guardOutput } from './guard-output.ts'
import { explainStore } from './outage.ts'
import { printable } from './printable.ts'
import {
  InvalidSettings,
  readGroups,
  readSettings,
  type Environment,
  type SettingNames,
  type SettingsGroup,
  type SettingsGroups,
  type SettingsSection,
  type SettingsTable,
} from './settings.ts'
import { usageOf } from './usage.ts'

/** Exit codes of a process: `usage` is a command line or configuration that cannot be used. */
export const EXIT: { readonly ok: 0; readonly failure: 1; readonly usage: 2 } = {
  ok: 0,
  failure: 1,
  usage: 2,
}

/** The most faults of one command line that are printed. */
const MAX_FAULTS = 20

/** A command line program. */
export interface Program<Own, Shared> {
  readonly name: string
  readonly version: string
  readonly description: string
  /** Settings of this program alone. */
  readonly settings: SettingsTable<Own>
  /** Settings of the packages that it is made of. */
  readonly groups: SettingsGroups<Shared>
  /** Variables that a library reads; only shown. @default none */
  readonly variables?: readonly SettingsSection[] | undefined
  /** Flag of the setting that takes words without a flag, such as ids, joined by commas. @default words are refused */
  readonly words?: string | undefined
  /** Does the work; resolves with the exit code. */
  run(own: Own, shared: Shared): Promise<number>
}

/** An expected failure, such as an unreachable server: reported in one line, without a stack. */
export class Failure extends Error {
  readonly code = 'FAILURE'
}

/**
 * Runs a program on its arguments: `--help` and `--version`, faulty settings (code 2), failures (code 1).
 *
 * @returns the exit code
 */
export async function runProgram<Own, Shared>(
  program: Program<Own, Shared>,
  argv: readonly string[] = process.argv.slice(2),
  env: Environment = process.env,
): Promise<number> {
  guardOutput(program.name)
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(`${helpOf(program)}\n`)
    return EXIT.ok
  }
  if (argv.includes('--version') || argv.includes('-v')) {
    process.stdout.write(`${program.version}\n`)
    return EXIT.ok
  }
  const given = readCommandLine(program, argv, env)
  if ('faults' in given) {
    for (const fault of given.faults.slice(0, MAX_FAULTS)) complain(program, fault)
    const more = given.faults.length - MAX_FAULTS
    if (more > 0) complain(program, `and ${more} more`)
    process.stderr.write(`Try '${program.name} --help'.\n`)
    return EXIT.usage
  }
  try {
    return await program.run(given.own, given.shared)
  } catch (error) {
    complain(program, describeFailure(error))
    return EXIT.failure
  }
}

/** Returns what `--help` prints. */
export function helpOf<Own, Shared>(program: Program<Own, Shared>): string {
  return usageOf({ ...program, sections: sectionsOf(program) })
}

/** Returns everything that a program can be set by, as the help shows it. */
export function sectionsOf<Own, Shared>(program: Program<Own, Shared>): readonly SettingsSection[] {
  return [
    { settings: Object.values<SettingNames>(program.settings) },
    ...Object.values<SettingsGroup<unknown>>(program.groups).flatMap(({ sections }) => sections),
    ...(program.variables ?? []),
  ]
}

/** What flags and variables come to: everything that is wrong, one line each, or the values. */
export type CommandLine<Own, Shared> =
  | { readonly faults: readonly string[] }
  | { readonly own: Own; readonly shared: Shared }

/** Reads the flags and variables of a program, all faults at once. */
export function readCommandLine<Own, Shared>(
  program: Program<Own, Shared>,
  argv: readonly string[],
  environment: Environment,
): CommandLine<Own, Shared> {
  const { flags, faults } = readFlags(program, argv)
  const source = { environment, flags }
  try {
    const groups: SettingsGroups<{ own: Own; shared: Shared }> = {
      own: { sections: [], read: () => readSettings(program.settings, source) },
      shared: { sections: [], read: () => readGroups(program.groups, source) },
    }
    const values = readGroups(groups, source)
    return faults.length > 0 ? { faults } : values
  } catch (error) {
    if (!isInstance(error, InvalidSettings)) throw error
    return { faults: [...faults, ...error.issues] }
  }
}

function complain(program: { readonly name: string }, text: string): void {
  process.stderr.write(`${program.name}: ${printable(text, '\n')}\n`)
}

function describeFailure(error: unknown): string {
  const stack = propertyOf(error, 'stack')
  const isExpected = isInstance(error, Failure) || nameOf(error) === 'PaymentsError'
  if (isExpected || typeof stack !== 'string') return textOf(error)
  return explainStore(error) ?? stack
}

/** Reads the flags and reports what the tables do not name: a misspelt flag must not be ignored. */
function readFlags<Own, Shared>(
  program: Program<Own, Shared>,
  argv: readonly string[],
): { readonly flags: ReadonlyMap<string, string>; readonly faults: readonly string[] } {
  const parsed = parseArgs([...argv], argsOf(program))
  const known = new Map(
    flaggedOf(program).flatMap((setting) => [
      [setting.flag, setting],
      [camelCase(setting.flag), setting],
    ]),
  )
  const faults: string[] = []
  const flags = new Map<string, string>()
  for (const [name, value] of Object.entries<unknown>(parsed)) {
    const setting = known.get(name)
    if (name === '_') continue
    if (setting === undefined) faults.push(`unknown flag ${name.length === 1 ? '-' : '--'}${name}`)
    else if (value === '' || (typeof value === 'boolean' && setting.isSwitch !== true))
      faults.push(`--${name} needs a value`)
    else if (typeof value === 'string' || typeof value === 'boolean') flags.set(setting.flag, String(value))
  }
  // The word after an unknown flag is taken for an argument; one complaint is enough.
  if (faults.length === 0) faults.push(...bindPositionals(program.words, parsed._, flags))
  return { flags, faults: [...new Set(faults)] }
}

/** Assigns words to the flag that takes them; returns complaints about the others. */
function bindPositionals(
  flag: string | undefined,
  words: readonly string[],
  flags: Map<string, string>,
): string[] {
  if (flag === undefined || flags.has(flag)) return words.map((word) => `unexpected argument '${word}'`)
  if (words.length > 0) flags.set(flag, words.join(','))
  return []
}

function flaggedOf<Own, Shared>(program: Program<Own, Shared>): (SettingNames & { readonly flag: string })[] {
  return sectionsOf(program).flatMap(({ settings }) =>
    settings.flatMap((setting) => (setting.flag === undefined ? [] : { ...setting, flag: setting.flag })),
  )
}

function argsOf<Own, Shared>(program: Program<Own, Shared>): ArgsDef {
  const args: ArgsDef = {}
  for (const { flag, isSwitch } of flaggedOf(program))
    args[flag] = { type: isSwitch === true ? 'boolean' : 'string' }
  return args
}

function camelCase(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
