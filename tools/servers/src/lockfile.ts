import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { LocalError } from './errors.ts'
import { identifyProcess } from './process-identity.ts'
import { poll } from './wait.ts'

/** The exclusive right of this process to use a folder, and the record of the processes that it started there. */
export interface Lock {
  /** Records a process that this one started, so that a later run can stop it if this one cannot. */
  record(pid: number, stopSignal: 'SIGINT' | 'SIGTERM'): void
  /** Removes the lockfile. Idempotent. */
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
 * Creates the lockfile. Replaces a stale one, whose owner is gone, after stopping the processes that the owner left
 * behind; each is checked to be the recorded process, not a later one with the same id.
 *
 * @param what names it in the message, for example "PostgreSQL in /data"
 * @throws LocalError `ALREADY_RUNNING` when its owner lives
 */
export async function acquireLock(file: string, what: string): Promise<Lock> {
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

/** Creates the lockfile atomically; returns false when it exists. */
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
  // Moved aside first, so that only one of two runs that find the same stale lock stops its processes.
  const aside = `${file}.${process.pid}.stale`
  try {
    renameSync(file, aside)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return
    throw error
  }
  const moved = read(aside)
  if (moved && isRunning(moved.owner)) {
    // The other run was faster and its fresh lock was moved; put it back.
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
    `${what} is already in use by process ${owner.pid}. Stop it first: press Ctrl-C in its terminal, or run "kill ${owner.pid}".`,
  )
}

/** Stops a process of an earlier run, with SIGKILL if it does not end in time. */
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
