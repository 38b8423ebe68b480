import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { acquireLock } from './lockfile.ts'

/** The repository that this package belongs to. */
export const REPOSITORY = resolve(import.meta.dirname, '../../..')

/** The folder with the demo's data and logs. `TITAN_STATE_DIR` names another; default `.titan` in the repository. */
export function stateFolder(env: NodeJS.ProcessEnv) {
  return resolve(env['TITAN_STATE_DIR'] || join(REPOSITORY, '.titan'))
}

/** The folder with unpacked servers. `TITAN_CACHE_DIR` names another; default `.titan/cache` in the repository. */
export function cacheFolder(env: NodeJS.ProcessEnv) {
  return resolve(env['TITAN_CACHE_DIR'] || join(REPOSITORY, '.titan', 'cache'))
}

/** Removed when this process exits. */
const temporaryFolders = new Set<string>()

/**
 * Opens and locks the folder of a server. Without `dataDir` it is a temporary one, which ends with this process at the
 * latest.
 */
export async function openServerFolder(name: string, dataDir: string | undefined) {
  const isTemporary = dataDir === undefined
  const path = isTemporary ? mkdtempSync(join(tmpdir(), `titan-${name.toLowerCase()}-`)) : resolve(dataDir)
  if (isTemporary) {
    if (temporaryFolders.size === 0) process.once('exit', removeAll)
    temporaryFolders.add(path)
  }
  const lock = await acquireLock(join(path, 'owner.json'), `${name} in ${path}`)
  return {
    path,
    isTemporary,
    lock,
    /** Unlocks the folder, and removes a temporary one. Idempotent. */
    close() {
      lock.release()
      if (!temporaryFolders.delete(path)) return
      if (temporaryFolders.size === 0) process.off('exit', removeAll)
      removeFolder(path)
    },
  }
}

function removeAll() {
  for (const path of temporaryFolders) removeFolder(path)
}

function removeFolder(path: string) {
  rmSync(path, { recursive: true, force: true })
}
