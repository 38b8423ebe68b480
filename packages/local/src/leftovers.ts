import { readFileSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { poll } from './wait.ts'

/** Ends the PostgreSQL that an earlier run left on this data folder, and removes a stale `postmaster.pid`. */
export async function endPostmaster(dataFolder: string): Promise<void> {
  const file = join(dataFolder, 'postmaster.pid')
  const pid = Number(readFirstLine(file))
  if (!Number.isInteger(pid) || pid <= 0) return
  // A postmaster works in its data folder, so the working directory tells ours from a reused process id.
  if (workingDirectory(pid) === dataFolder) {
    process.kill(pid, 'SIGINT')
    await poll(async () => (workingDirectory(pid) === dataFolder ? undefined : true), 15_000)
  }
  rmSync(file, { force: true })
}

function readFirstLine(file: string): string {
  try {
    return readFileSync(file, 'utf8').split('\n')[0] ?? ''
  } catch {
    return ''
  }
}

function workingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined
  }
}
