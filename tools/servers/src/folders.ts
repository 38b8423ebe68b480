import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url))

/** The repository that this package belongs to. */
export function repositoryFolder(): string {
  return resolve(REPOSITORY)
}

/** The folder with the demo's data and logs. `TITAN_STATE_DIR` names another; default `.titan` in the repository. */
export function stateFolder(env: NodeJS.ProcessEnv = process.env): string {
  return resolve(env['TITAN_STATE_DIR'] || join(REPOSITORY, '.titan'))
}

/** The folder with unpacked servers. `TITAN_CACHE_DIR` names another; default `.titan/cache` in the repository. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return resolve(env['TITAN_CACHE_DIR'] || join(REPOSITORY, '.titan', 'cache'))
}
