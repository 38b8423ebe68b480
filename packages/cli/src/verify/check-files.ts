import { readdir, readFile } from 'node:fs/promises'

/**
 * What a check reads. `payments`: one range of payment ids at a time. `database`: whole tables, in one statement.
 * `settled`: the same, when nothing may be under way. `ledger`: the temporary tables of the gateway's ledger.
 */
export type Scope = 'payments' | 'database' | 'settled' | 'ledger'

/** A statement that finds breaches of one invariant. */
export interface Check {
  /** The name of its file, such as `I11_parameters_are_frozen`. */
  readonly name: string
  /** The number of its invariant, such as `I11`. */
  readonly id: string
  readonly scope: Scope
  /** The names of `$1`, `$2` and so on. */
  readonly params: readonly string[]
  readonly text: string
}

/** A value for a parameter of a check. */
export type Parameter = string | number | boolean | null | readonly string[]

const FOLDER = new URL('../../../../sql/invariants/', import.meta.url)

/** Reads every check of `sql/invariants/`, in the order of their names. */
export async function readChecks(): Promise<Check[]> {
  const files = (await readdir(FOLDER)).filter((file) => /^I\d\d_\w+\.sql$/.test(file)).toSorted()
  return Promise.all(files.map(async (file) => parseCheck(file, await readInvariantFile(file))))
}

/** Reads one file of `sql/invariants/`. */
export async function readInvariantFile(file: string): Promise<string> {
  return (await readFile(new URL(file, FOLDER), 'utf8')).replaceAll('\r\n', '\n')
}

/** Reads the header: the scope, and the names of the parameters. */
function parseCheck(file: string, text: string): Check {
  const scope = /^-- SCOPE {4}(payments|database|settled|ledger)$/m.exec(text)?.[1]
  if (scope === undefined) throw new Error(`${file} must have a line SCOPE with a known scope`)
  const header = text.split('\n').filter((line) => line.startsWith('--'))
  const params = header.flatMap((line) => [...line.matchAll(/\$(\d+) (\w+)/g)])
  const name = file.replace(/\.sql$/, '')
  return {
    name,
    text,
    scope: scope as Scope,
    id: `I${Number(name.slice(1, 3))}`,
    params: params.map((match) => match[2] ?? ''),
  }
}
