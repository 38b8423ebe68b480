import type { SettingNames } from './settings.ts'
import type { VariableGroup } from './variables.ts'

/** What the help tells of a program. */
export interface UsageSubject {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly settings: readonly SettingNames[]
  readonly variables?: readonly VariableGroup[]
  /** Flag of the setting that words are for. */
  readonly words?: string
}

const WIDTH = 110

/** The text of `--help`: each flag with its variable and default, then the variables that have no flag. */
export function usageOf({
  name,
  version,
  description,
  settings,
  variables = [],
  words,
}: UsageSubject): string {
  const rows = [
    ...settings.map((setting) => [flagOf(setting), describe(setting)] as const),
    ['-h, --help', 'print this text'] as const,
    ['-v, --version', 'print the version'] as const,
  ]
  const column = Math.max(...rows.map(([flag]) => flag.length)) + 4
  const options = rows.map(([flag, about]) => `  ${flag.padEnd(column - 2)}${wrap(about, column)}`)
  return [
    `${name} ${version}: ${description}`,
    '',
    `Usage: ${name} ${words === undefined ? '' : `[${words} …] `}[options]`,
    '',
    ...options,
    '',
    ...variables.flatMap(groupLines),
    'A flag wins over its environment variable (in brackets), the variable over the default.',
    'Exit codes: 0 done, 1 failure, 2 faulty flags or configuration.',
  ].join('\n')
}

function groupLines({ title, variables }: VariableGroup): string[] {
  const column = Math.max(...variables.map(({ env }) => env.length)) + 4
  const lines = variables.map(({ env, about, shown = '' }) => {
    const text = shown === '' ? about : `${about} (default ${shown})`
    return `  ${env.padEnd(column - 2)}${wrap(text, column)}`
  })
  return [`${title}:`, ...lines, '']
}

function flagOf({ flag, hint, isSwitch = false }: SettingNames): string {
  return isSwitch ? `--[no-]${flag}` : `--${flag} <${hint}>`
}

function describe({ about, env, alsoEnv = [], alsoRead = [], shown }: SettingNames): string {
  const names = [...(env === undefined ? [] : [env]), ...alsoEnv, ...alsoRead]
  return `${about}${names.length === 0 ? '' : ` [${names.join(', ')}]`}${shown === '' ? '' : ` (default ${shown})`}`
}

/** Breaks a text between words, and begins each further line at `column`. */
function wrap(text: string, column: number): string {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= WIDTH - column)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.join(`\n${' '.repeat(column)}`)
}
