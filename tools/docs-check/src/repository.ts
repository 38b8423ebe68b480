import { readFileSync } from 'node:fs'

/** The folder of the repository, with a slash at its end. */
export const REPOSITORY: URL = new URL('../../../', import.meta.url)

/** The text of a file of the repository. */
export function readRepository(path: string): string {
  return readFileSync(new URL(path, REPOSITORY), 'utf8')
}
