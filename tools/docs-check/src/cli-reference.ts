import { sectionsOf, type SettingNames, type SettingsSection } from '@titan/service'
import { apiProgram, titanCommands, workerProgram } from './programs.ts'

/** A command line as the reference shows it. */
interface CommandLine {
  readonly name: string
  readonly description: string
  readonly sections: readonly SettingsSection[]
}

/** Returns every program with its settings. */
export function describedPrograms(): CommandLine[] {
  const commands = titanCommands.map((command) => ({ ...command, sections: sectionsOf(command) }))
  return [
    { ...apiProgram, sections: sectionsOf(apiProgram) },
    { ...workerProgram, sections: sectionsOf(workerProgram) },
    ...commands,
  ]
}

type Row = readonly string[]

/** The page docs/reference/cli.md: every flag and variable of the programs, from the tables that they read them by. */
export function cliReference() {
  const programs = describedPrograms()
  const common = commonRows(programs)
  const shown = new Map<string, string>()
  return [
    '# Command lines',
    '',
    'Written by `pnpm run reference` from the tables that the programs read their settings by; `--help` prints the same.',
    'A flag wins over its variable, the variable over the default. Switches are off by default; `--no-` before the name turns one off.',
    'Exit codes: 0 done, 1 failure, 2 faulty flags or configuration. Every program has `--help` and `--version`.',
    '',
    '## Common settings',
    '',
    'Each program below names those that it takes.',
    '',
    ...table([...common.values()]),
    ...programs.flatMap((program) => [...describe(program, common), ...describeVariables(program, shown)]),
  ].join('\n')
}

/** Identifies a row; whether its setting is required differs between programs that share it. */
const keyOf = (row: Row) => row.join('|').replace(OPTIONAL, '; required.')
const OPTIONAL = '; optional.'

/** Finds the rows that programs share; where a flag has several meanings, the row of the most programs. */
function commonRows(programs: readonly CommandLine[]): ReadonlyMap<string, Row> {
  const byKey = Map.groupBy(programs.flatMap(flagRows), keyOf)
  const common = new Map<string, Row>()
  const flags = new Set<string | undefined>()
  for (const [key, [row = [], ...repeats]] of [...byKey].toSorted((a, b) => b[1].length - a[1].length)) {
    if (repeats.length === 0 || flags.has(row[0])) continue
    common.set(key, row)
    flags.add(row[0])
  }
  return common
}

function describe(program: CommandLine, common: ReadonlyMap<string, Row>) {
  const { name, description, sections } = program
  const taker = sections.flatMap(({ settings }) => settings).find(({ takesWords }) => takesWords)
  const rows = flagRows(program)
  const own = rows.filter((row) => !common.has(keyOf(row)))
  const shared = rows
    .filter((row) => common.has(keyOf(row)))
    .map(([names, meaning]) => {
      const [flag = ''] = /--[\w-]+/.exec(`${names}`) ?? []
      return meaning?.endsWith(OPTIONAL) === true ? `${code(flag)} (optional)` : code(flag)
    })
  return [
    `## ${name}`,
    '',
    description,
    '',
    ...(taker === undefined ? [] : [`\`${name} [${taker.flag} …] [options]\``, '']),
    ...(own.length === 0 ? [] : table(own)),
    ...(shared.length === 0 ? [] : [`[Common](#common-settings): ${shared.join(', ')}.`, '']),
  ]
}

/** Describes the variables without a flag. Groups that another program has are one link to it. */
function describeVariables({ name, sections }: CommandLine, shown: Map<string, string>) {
  const elsewhere = new Map<string, string[]>()
  const own = sections.flatMap(({ title, settings }) => {
    const rows = settings.filter(({ flag }) => flag === undefined).map(rowOf)
    if (rows.length === 0) return []
    const lines = table(rows)
    const other = shown.get(lines.join())
    if (other !== undefined) {
      const [short] = /^[^,;(:]*\w/.exec(title ?? '') ?? []
      const names = short === undefined ? rows.flatMap(([first = '']) => first) : [short]
      elsewhere.set(other, [...(elsewhere.get(other) ?? []), ...names])
      return []
    }
    shown.set(lines.join(), name)
    return [...(title === undefined ? [] : [`${title}:`, '']), ...lines]
  })
  const links = [...elsewhere].flatMap(([other, titles]) => [
    `As for [${other}](#${other.replaceAll(' ', '-')}): ${titles.join(', ')}.`,
    '',
  ])
  return [...own, ...links]
}

function flagRows({ sections }: CommandLine) {
  return sections.flatMap(({ settings }) => settings.filter(({ flag }) => flag !== undefined).map(rowOf))
}

/** The flag, the variables, and the meaning with the default. */
function rowOf(setting: SettingNames): Row {
  const { flag, isSwitch, hint, shown, about } = setting
  const named = isSwitch === true ? `--${flag}` : `--${flag} <${hint}>`
  return [
    [...(flag === undefined ? [] : [named]), ...variablesOf(setting)].map(code).join(' '),
    shown === '' || (isSwitch === true && shown === 'false') ? about : `${about} Default ${code(shown)}.`,
  ]
}

/** Returns the names of all variables that a setting is read from. */
export function variablesOf({ env, alsoEnv = [] }: SettingNames) {
  return [...(env === undefined ? [] : [env]), ...alsoEnv]
}

function table(rows: readonly Row[]) {
  const line = (cells: Row) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(['setting', 'meaning']), '|---|---|', ...rows.map(line), '']
}

function code(text: string) {
  return `\`${text}\``
}
