import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { REPOSITORY } from './repository.ts'

/** A fault that is tested. */
export interface Fault {
  /** Such as F17. */
  readonly id: string
  /** What happens, and the expected behaviour. */
  readonly text: string
  /** The files of its tests, from the root of the repository. */
  readonly files: readonly string[]
}

const cwd = fileURLToPath(REPOSITORY)
/** A comment above a test: `// F17 what happens: what is expected`, continued by indented lines; or only `// F17, F18`. */
const ENTRY = /^ *\/\/ (F\d+b?)(?: (.*(?:\n *\/\/ {2}.*)*))?$/gm
const REFERENCES = /^ *\/\/ (F\d+b?(?:, F\d+b?)+)$/gm

/** Reads the faults from the comments above their tests, by number. */
export function readFaults(): Fault[] {
  const texts = new Map<string, string>()
  const files = new Map<string, Set<string>>()
  const add = (id: string, file: string): void => void files.set(id, (files.get(id) ?? new Set()).add(file))
  for (const file of globSync('{packages,tools}/*/test/**/*.test.ts', { cwd })) {
    const source = readFileSync(new URL(file, REPOSITORY), 'utf8')
    for (const [, ids = ''] of source.matchAll(REFERENCES)) for (const id of ids.split(', ')) add(id, file)
    for (const [, id = '', text = ''] of source.matchAll(ENTRY)) {
      add(id, file)
      if (text === '') continue
      if (texts.has(id)) throw new Error(`${id} is described twice; the second time in ${file}`)
      texts.set(id, text.replaceAll(/\n *\/\/ +/g, ' '))
    }
  }
  return [...files]
    .map(([id, found]) => ({ id, text: texts.get(id) ?? '', files: [...found].toSorted() }))
    .toSorted((one, other) => numberOf(one) - numberOf(other) || one.id.localeCompare(other.id))
}

function numberOf({ id }: Fault): number {
  return Number.parseInt(id.slice(1), 10)
}
