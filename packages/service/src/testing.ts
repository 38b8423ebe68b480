// For tests of programs: does the help tell the truth?
import { readFileSync } from 'node:fs'
import { helpOf, type Program } from './program.ts'

/**
 * The variables that files name which read the environment: members of a schema, and look-ups by name.
 *
 * @param files below `packages`, such as `payments/src/config.ts`
 */
export function variablesIn(files: readonly string[]): Set<string> {
  const names = files.flatMap((file) => {
    const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
    const found = text.matchAll(/(?:^ +|\{ )([A-Z][A-Z\d_]{3,}): |(?:environment|given)\['([A-Z\d_]+)'\]/gm)
    return [...found].flatMap(([, member, lookup]) => member ?? lookup ?? [])
  })
  return new Set(names.filter((name) => name !== 'INVALID_CONFIG'))
}

/** The variables of a program's own settings, and those that stand in for shared ones. */
export function variablesOf<Own, Shared>(program: Program<Own, Shared>): string[] {
  const own = Object.values<Program<Own, Shared>['sharedSettings'][number]>(program.settings)
  return [
    ...own.flatMap(({ env, alsoEnv = [] }) => [...(env === undefined ? [] : [env]), ...alsoEnv]),
    ...program.sharedSettings.flatMap(({ alsoEnv = [], alsoRead = [] }) => [...alsoEnv, ...alsoRead]),
  ]
}

/** The variables that a person finds in the help. */
export function variablesInHelp<Own, Shared>(program: Program<Own, Shared>): Set<string> {
  const help = helpOf(program)
  const ofFlags = [...help.matchAll(/\[([A-Z][A-Z\d_,\s]+)\]/g)].flatMap(([, names = '']) =>
    names.split(/,\s+/),
  )
  const alone = [...help.matchAll(/^ {2}([A-Z][A-Z\d_]+) /gm)].map(([, name = '']) => name)
  return new Set([...ofFlags, ...alone])
}
