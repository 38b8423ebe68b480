import { readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LocalError } from './errors.ts'
import { poll } from './wait.ts'

const STOP_GRACE_MS = 15_000

/**
 * Clears `postmaster.pid`, which a PostgreSQL that was killed leaves behind and which keeps the next one from
 * starting when its process id is in use again. The server itself, if it still runs, is ended.
 *
 * The caller holds the lock on the folder, so a server that runs here is a leftover.
 */
export async function clearPostmaster(dataFolder: string): Promise<void> {
  const file = join(dataFolder, 'postmaster.pid')
  const pid = readProcessId(file)
  if (pid === undefined) return
  // Only Linux tells where a process works; elsewhere PostgreSQL's own check has to do.
  if (process.platform !== 'linux') return
  // A postmaster works in its data folder, so its working directory tells it from a reused process id.
  const home = realpathSync(dataFolder)
  if (workingDirectory(pid) === home) {
    process.kill(pid, 'SIGINT')
    const isGone = await poll(async () => (workingDirectory(pid) === home ? undefined : true), STOP_GRACE_MS)
    if (!isGone) {
      throw new LocalError(
        'POSTGRES_UNAVAILABLE',
        `PostgreSQL, process ${pid}, still runs on ${dataFolder} and does not stop. End it with "kill -9 ${pid}".`,
      )
    }
  }
  rmSync(file, { force: true })
}

function readProcessId(file: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10)
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

function workingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined
  }
}
