import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder of the repository, with a slash at its end. */
export const REPOSITORY = new URL('../../../', import.meta.url)

/** The types of the client, which a generator writes. */
export const CLIENT_TYPES = 'packages/client/src/openapi.ts'

/** Reads the text of a file of the repository. */
export function readRepository(path: string) {
  return readFileSync(new URL(path, REPOSITORY), 'utf8')
}

/** Lists files of the repository. A pattern that enters `node_modules` would follow its links in circles. */
export function findFiles(pattern: string) {
  return globSync(pattern, { cwd: fileURLToPath(REPOSITORY) }).toSorted()
}
