import { readFileSync } from 'node:fs'
import { isInstance, nameOf, propertyOf, textOf } from '@titan/queue-core/text-of'
import { readFlags } from './flags.ts'
import { explainStore } from './outage.ts'
import { guardOutput, printable } from './output.ts'
import {
  InvalidSettings,
  readAll,
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
export const EXIT = { ok: 0, failure: 1, usage: 2 } as const

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
  /** Does the work; resolves with the exit code. */
  run(own: Own, shared: Shared): Promise<number>
}

/** Infers the values of a program from its tables. */
export function defineProgram<Own, Shared>(program: Program<Own, Shared>): Program<Own, Shared> {
  return program
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
    process.stdout.write(`${usageOf(program, sectionsOf(program))}\n`)
    return EXIT.ok
  }
  if (argv.includes('--version') || argv.includes('-v')) {
    process.stdout.write(`${program.version}\n`)
    return EXIT.ok
  }
  const complain = (text: string): unknown =>
    process.stderr.write(`${program.name}: ${printable(text, '\n')}\n`)
  const given = readCommandLine(program, argv, env)
  if ('faults' in given) {
    for (const fault of given.faults.slice(0, MAX_FAULTS)) complain(fault)
    const more = given.faults.length - MAX_FAULTS
    if (more > 0) complain(`and ${more} more`)
    process.stderr.write(`Try '${program.name} --help'.\n`)
    return EXIT.usage
  }
  try {
    return await program.run(given.own, given.shared)
  } catch (error) {
    complain(describeFailure(error))
    return EXIT.failure
  }
}

function describeFailure(error: unknown): string {
  const stack = propertyOf(error, 'stack')
  const isExpected = isInstance(error, Failure) || nameOf(error) === 'PaymentsError'
  if (isExpected || typeof stack !== 'string') return textOf(error)
  return explainStore(error) ?? stack
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
  const settings = sectionsOf(program).flatMap((section) => section.settings)
  const { flags, faults } = readFlags(settings, argv)
  const source = { environment, flags }
  try {
    const values = readAll<{ own: Own; shared: Shared }>({
      own: () => readSettings(program.settings, source),
      shared: () => readGroups(program.groups, source),
    })
    return faults.length > 0 ? { faults } : values
  } catch (error) {
    if (!isInstance(error, InvalidSettings)) throw error
    return { faults: [...faults, ...error.issues] }
  }
}

/** Reads the version in a package.json. */
export function readVersion(manifest: URL): string {
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }
  return version
}
