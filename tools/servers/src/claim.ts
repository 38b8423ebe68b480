import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { LocalError } from './errors.ts'
import { identifyProcess } from './process-identity.ts'
import { poll } from './wait.ts'

/** The right of this process to use a folder, and the record of what it started there. */
export interface Claim {
  /** Remembers a process that this one started, so that a later run can end it if this one cannot. */
  record(pid: number, stopSignal: 'SIGINT' | 'SIGTERM'): void
  /** Gives the folder back. Idempotent. */
  release(): void
}

interface Recorded {
  readonly pid: number
  readonly identity: string
}

interface Contents {
  readonly owner: Recorded
  readonly processes: readonly (Recorded & { readonly stopSignal: 'SIGINT' | 'SIGTERM' })[]
}

const STOP_GRACE_MS = 10_000

/**
 * Claims what `file` stands for. A claim whose owner is gone is taken over, after the processes that it left
 * behind were ended; each is checked to be the recorded one, not a later one with the same id.
 *
 * @param what names it in the message, for example "PostgreSQL in /data"
 * @throws LocalError `ALREADY_RUNNING` when its owner lives
 */
export async function claim(file: string, what: string): Promise<Claim> {
  mkdirSync(dirname(file), { recursive: true })
  const owner: Recorded = { pid: process.pid, identity: identifyProcess(process.pid) ?? '' }
  let contents: Contents = { owner, processes: [] }
  while (!create(file, contents)) await removeStale(file, what)

  let isReleased = false
  return {
    record(pid, stopSignal) {
      if (isReleased) return
      const identity = identifyProcess(pid)
      if (identity === undefined) return
      contents = { owner, processes: [...contents.processes, { pid, identity, stopSignal }] }
      const next = `${file}.next`
      writeFileSync(next, JSON.stringify(contents))
      renameSync(next, file)
    },
    release() {
      if (isReleased) return
      isReleased = true
      rmSync(file, { force: true })
    },
  }
}

/** Writes the claim in one step, unless there is one. */
function create(file: string, contents: Contents): boolean {
  const candidate = `${file}.${process.pid}.new`
  writeFileSync(candidate, JSON.stringify(contents))
  try {
    linkSync(candidate, file)
    return true
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false
    throw error
  } finally {
    rmSync(candidate, { force: true })
  }
}

async function removeStale(file: string, what: string): Promise<void> {
  const found = read(file)
  if (found && isRunning(found.owner)) throw alreadyRunning(what, found.owner)
  // Moved aside first, so that of two runs that find the same stale claim one ends its processes.
  const aside = `${file}.${process.pid}.stale`
  try {
    renameSync(file, aside)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return
    throw error
  }
  const moved = read(aside)
  if (moved && isRunning(moved.owner)) {
    // The other run was faster and its fresh claim was moved; it goes back.
    renameSync(aside, file)
    throw alreadyRunning(what, moved.owner)
  }
  for (const leftover of moved?.processes.toReversed() ?? []) await end(leftover, leftover.stopSignal)
  rmSync(aside, { force: true })
}

function read(file: string): Contents | undefined {
  try {
    const contents: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return isContents(contents) ? contents : undefined
  } catch {
    return undefined
  }
}

function isContents(value: unknown): value is Contents {
  if (typeof value !== 'object' || value === null || !('owner' in value) || !('processes' in value))
    return false
  return isRecorded(value.owner) && Array.isArray(value.processes) && value.processes.every(isRecorded)
}

function isRecorded(value: unknown): value is Recorded {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('identity' in value)) return false
  return Number.isSafeInteger(value.pid) && typeof value.identity === 'string'
}

function isRunning(recorded: Recorded): boolean {
  return identifyProcess(recorded.pid) === recorded.identity
}

function alreadyRunning(what: string, owner: Recorded): LocalError {
  return new LocalError(
    'ALREADY_RUNNING',
    `${what} is already in use by process ${owner.pid}. Stop that first: press Ctrl-C where it runs, or "kill ${owner.pid}".`,
  )
}

/** Ends a process of an earlier run, gently first. */
async function end(leftover: Recorded, stopSignal: NodeJS.Signals): Promise<void> {
  for (const signal of [stopSignal, 'SIGKILL'] as const) {
    if (!isRunning(leftover)) return
    process.kill(leftover.pid, signal)
    await poll(async () => (isRunning(leftover) ? undefined : true), STOP_GRACE_MS)
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
