import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** What became of payments while the disk filled up twice. */
export interface FullDiskReport {
  readonly tried: number
  readonly answered: number
  /** Requests that had to be repeated while the disk was full for the first time. */
  readonly repeated: number
  /** Payments that were answered once there was space again, before anybody had started anything. */
  readonly answeredAgain: number
  readonly isQuiet: boolean
  readonly statuses: Readonly<Record<string, number>>
  readonly breaches: readonly string[]
}

/** For PostgreSQL as it is created, Redis, and what a few hundred payments need. */
const SIZE = '200m'

/** Runs a shell command in a separate mount namespace: its mounts are invisible to others, and end with it. */
const inNamespace = [
  '-m',
  'sh',
  '-c',
  `mount -t tmpfs -o size=${SIZE},mode=755 tmpfs "$1" && shift && exec "$@"`,
  'sh',
]

/** Whether this run may mount a disk; it never prompts for rights. */
export function canMount(folder: string): boolean {
  return spawnSync('unshare', [...inNamespace, folder, 'true']).status === 0
}

/** Mounts a small disk at `disk` and lets it fill up. What must not share its fate is kept in `outside`. */
export async function runFullDisk(disk: string, outside: string): Promise<FullDiskReport> {
  const script = fileURLToPath(new URL('full-disk-process.ts', import.meta.url))
  const command = [process.execPath, script, disk, outside]
  const { stdout } = await promisify(execFile)('unshare', [...inNamespace, disk, ...command])
  return JSON.parse(stdout) as FullDiskReport
}
