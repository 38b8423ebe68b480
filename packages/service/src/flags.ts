import { parseArgs } from 'node:util'
import type { SettingNames } from './settings.ts'

/** Reads flags and words, and reports what no setting names: a misspelt flag must not be ignored. */
export function readFlags(
  settings: readonly SettingNames[],
  argv: readonly string[],
): { readonly flags: ReadonlyMap<string, string>; readonly faults: readonly string[] } {
  const known = new Map(settings.flatMap(spellingsOf))
  const options = Object.fromEntries([...known].map(([name, { type }]) => [name, { type }]))
  const parsed = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true })
  const flags = new Map<string, string>()
  const faults = new Set<string>()
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue
    const spelling = known.get(token.name)
    const value = token.value ?? spelling?.bare
    if (spelling === undefined) faults.add(`unknown flag ${token.rawName}`)
    else if (spelling.isNegation && token.value !== undefined) faults.add(`${token.rawName} takes no value`)
    else if (value === undefined || value === '') faults.add(`--${spelling.flag} needs a value`)
    else flags.set(spelling.flag, value)
  }
  // The word after an unknown flag is taken for an argument; one complaint is enough.
  const faulty = faults.size > 0 ? [...faults] : bindWords(settings, parsed.positionals, flags)
  return { flags, faults: faulty }
}

/** One way to write a flag; `bare` is its value where none is given. */
interface Spelling {
  readonly flag: string
  readonly type: 'boolean' | 'string'
  readonly isNegation: boolean
  readonly bare: string | undefined
}

/** Returns the ways to write a flag: `lease-ms` and `leaseMs`, each also after `no-`. */
function spellingsOf({ flag, isSwitch = false }: SettingNames): (readonly [string, Spelling])[] {
  if (flag === undefined) return []
  const names = [flag, flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())]
  return names.flatMap((name) => [
    [
      name,
      { flag, type: isSwitch ? 'boolean' : 'string', isNegation: false, bare: isSwitch ? 'true' : undefined },
    ],
    [`no-${name}`, { flag, type: 'boolean', isNegation: true, bare: isSwitch ? 'false' : undefined }],
  ])
}

/** Assigns words to the flag that takes them; returns complaints about the others. */
function bindWords(
  settings: readonly SettingNames[],
  words: readonly string[],
  flags: Map<string, string>,
): string[] {
  const flag = settings.find(({ takesWords }) => takesWords)?.flag
  if (flag === undefined || flags.has(flag)) return words.map((word) => `unexpected argument '${word}'`)
  if (words.length > 0) flags.set(flag, words.join(','))
  return []
}
