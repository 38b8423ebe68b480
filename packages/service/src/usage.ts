import type { SettingNames, SettingsSection } from './settings.ts'

const WIDTH = 110

/** The text of `--help`: each flag with its variable and default, then the variables that have no flag. */
export function usageOf(
  {
    name,
    version,
    description,
  }: { readonly name: string; readonly version: string; readonly description: string },
  sections: readonly SettingsSection[],
): string {
  const words = sections.flatMap(({ settings }) => settings).find(({ takesWords }) => takesWords)?.flag
  const rows = [
    ...sections.flatMap(({ settings }) =>
      settings.filter(hasFlag).map((setting) => [flagOf(setting), describe(setting)] as const),
    ),
    ['-h, --help', 'Print this text.'] as const,
    ['-v, --version', 'Print the version.'] as const,
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
    ...sections.flatMap(variableLines),
    'A flag wins over its environment variable (in brackets), the variable over the default.',
    'Exit codes: 0 done, 1 failure, 2 faulty flags or configuration.',
  ].join('\n')
}

function hasFlag({ flag }: SettingNames): boolean {
  return flag !== undefined
}

/** The settings of a section that have no flag, under its title. */
function variableLines({ title = '', settings }: SettingsSection): string[] {
  const variables = settings.filter((setting) => !hasFlag(setting))
  if (variables.length === 0) return []
  const column = Math.max(...variables.map(({ env = '' }) => env.length)) + 4
  const lines = variables.map(
    ({ env = '', about, shown }) =>
      `  ${env.padEnd(column - 2)}${wrap(`${about}${defaultOf(shown)}`, column)}`,
  )
  return [`${title}:`, ...lines, '']
}

function flagOf({ flag, hint, isSwitch = false }: SettingNames): string {
  return isSwitch ? `--[no-]${flag}` : `--${flag} <${hint}>`
}

function describe({ about, env, alsoEnv = [], shown }: SettingNames): string {
  const names = [...(env === undefined ? [] : [env]), ...alsoEnv]
  return `${about}${names.length === 0 ? '' : ` [${names.join(', ')}]`}${defaultOf(shown)}`
}

function defaultOf(shown: string): string {
  return shown === '' ? '' : ` (default ${shown})`
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
