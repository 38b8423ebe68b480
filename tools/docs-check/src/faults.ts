import { findFiles, readRepository } from './repository.ts'

/** A comment above a test: `// F17 what happens: what is expected`, continued by indented lines; or only `// F17, F18`. */
const ENTRY = /^ *\/\/ (F\d+b?)(?: (.*(?:\n *\/\/ {2}.*)*))?$/gm
const REFERENCES = /^ *\/\/ (F\d+b?(?:, F\d+b?)+)$/gm

/**
 * Reads the tested faults from the comments above their tests, by number: an id such as F17, what happens and what is
 * expected, and the files of its tests.
 */
export function readFaults() {
  const texts = new Map<string, string>()
  const files = new Map<string, Set<string>>()
  const add = (id: string, file: string) => files.set(id, (files.get(id) ?? new Set()).add(file))
  for (const file of findFiles('{packages,tools}/*/test/**/*.test.ts')) {
    const source = readRepository(file)
    for (const [, ids = ''] of source.matchAll(REFERENCES)) for (const id of ids.split(', ')) add(id, file)
    for (const [, id = '', text = ''] of source.matchAll(ENTRY)) {
      add(id, file)
      if (text === '') continue
      if (texts.has(id)) throw new Error(`${id} is described twice; the second time in ${file}`)
      texts.set(id, text.replaceAll(/\n *\/\/ +/g, ' '))
    }
  }
  const numberOf = (id: string) => Number.parseInt(id.slice(1), 10)
  return [...files]
    .map(([id, found]) => ({ id, text: texts.get(id) ?? '', files: [...found].toSorted() }))
    .toSorted((a, b) => numberOf(a.id) - numberOf(b.id) || a.id.localeCompare(b.id))
}
