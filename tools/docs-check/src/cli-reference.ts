import type { SettingNames, VariableGroup } from '@titan/service'
import { apiProgram, titanCommands, workerProgram } from './programs.ts'

/** A command line as the reference shows it. */
interface CommandLine {
  readonly name: string
  readonly description: string
  readonly settings: readonly SettingNames[]
  readonly variables?: readonly VariableGroup[] | undefined
  /** Flag of the setting that words are for. */
  readonly placed?: string | undefined
}

/** The page docs/reference/cli.md: every flag and variable of the programs, from the tables that they read them by. */
export function cliReference(): string {
  const services = [apiProgram, workerProgram].map((program) => ({
    name: program.name,
    description: program.description,
    variables: program.variables,
    settings: [...Object.values<SettingNames>(program.settings), ...program.sharedSettings],
  }))
  const commands = titanCommands.map(({ words, ...command }) => ({ name: `titan ${words}`, ...command }))
  return [
    '# Command lines',
    '',
    'Written by `pnpm run reference` from the tables that the programs read their settings by; `--help` prints the same.',
    'A flag wins over its variable, the variable over the default. A switch is turned off by `--no-` before its name.',
    'Exit codes: 0 done, 1 failure, 2 faulty flags or configuration. Every program has `--help` and `--version`.',
    '',
    ...[...services, ...commands].flatMap(describe),
  ].join('\n')
}

function describe({ name, description, settings, variables = [], placed }: CommandLine): string[] {
  const words = placed === undefined ? '' : ` [${placed} …]`
  return [
    `## ${name}`,
    '',
    `${description}.`,
    '',
    ...(words === '' ? [] : [`\`${name}${words} [options]\``, '']),
    ...table(
      ['flag', 'variable', 'default', 'meaning'],
      settings.map((setting) => [
        code(setting.isSwitch === true ? `--${setting.flag}` : `--${setting.flag} <${setting.hint}>`),
        variablesOf(setting).map(code).join(', '),
        setting.shown === '' ? '' : code(setting.shown),
        setting.about,
      ]),
    ),
    ...variables.flatMap((group) => [
      `${group.title}:`,
      '',
      ...table(
        ['variable', 'default', 'meaning'],
        group.variables.map(({ env, shown = '', about }) => [
          code(env),
          shown === '' ? '' : code(shown),
          about,
        ]),
      ),
    ]),
  ]
}

function variablesOf({ env, alsoEnv = [], alsoRead = [] }: SettingNames): string[] {
  return [...(env === undefined ? [] : [env]), ...alsoEnv, ...alsoRead]
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(heads), `|${'---|'.repeat(heads.length)}`, ...rows.map(line), '']
}

function code(text: string): string {
  return `\`${text}\``
}
