import { readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LocalError } from './errors.ts'
import { poll } from './wait.ts'

const STOP_GRACE_MS = 15_000

/**
 * Clears `postmaster.pid`, which a PostgreSQL that was killed leaves behind and which keeps the next one from
 * starting when its process id is in use again. The server itself, if it still runs, is ended: the caller holds the
 * lock on the folder.
 */
export async function clearPostmaster(dataFolder: string) {
  const file = join(dataFolder, 'postmaster.pid')
  // Only Linux tells where a process works; elsewhere PostgreSQL's own check has to do.
  const pid =
    process.platform === 'linux'
      ? Number.parseInt(
          tryRead(() => readFileSync(file, 'utf8')),
          10,
        )
      : 0
  if (!(pid > 0)) return
  // A postmaster works in its data folder, which tells it from a reused process id.
  const home = realpathSync(dataFolder)
  const isRunning = () => tryRead(() => readlinkSync(`/proc/${pid}/cwd`)) === home
  if (isRunning()) {
    process.kill(pid, 'SIGINT')
    const isGone = await poll(async () => !isRunning() || undefined, STOP_GRACE_MS)
    if (!isGone)
      throw new LocalError(
        'POSTGRES_UNAVAILABLE',
        `PostgreSQL, process ${pid}, still runs on ${dataFolder} and does not stop. End it with "kill -9 ${pid}".`,
      )
  }
  rmSync(file, { force: true })
}

function tryRead(read: () => string) {
  try {
    return read()
  } catch {
    return ''
  }
}
