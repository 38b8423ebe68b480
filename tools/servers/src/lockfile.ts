import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { LocalError } from './errors.ts'
import { identifyProcess } from './process-identity.ts'
import { poll } from './wait.ts'

interface Recorded {
  readonly pid: number
  readonly identity: string
}

type StopSignal = 'SIGINT' | 'SIGTERM'

interface Contents {
  readonly owner: Recorded
  readonly processes: readonly (Recorded & { readonly stopSignal: StopSignal })[]
}

const STOP_GRACE_MS = 10_000

/** The exclusive right of this process to use a folder, and the record of the processes that it started there. */
export type Lock = Awaited<ReturnType<typeof acquireLock>>

/**
 * Creates the lockfile. Replaces a stale one, whose owner is gone, after stopping the processes that the owner left
 * behind; each is checked to be the recorded process, not a later one with the same id.
 *
 * @param what names it in the message, for example "PostgreSQL in /data"
 * @throws LocalError `ALREADY_RUNNING` when its owner lives
 */
export async function acquireLock(file: string, what: string) {
  mkdirSync(dirname(file), { recursive: true })
  const owner = { pid: process.pid, identity: identifyProcess(process.pid) ?? '' }
  let contents: Contents = { owner, processes: [] }
  while (!create(file, contents)) await removeStale(file, what)

  let isReleased = false
  return {
    /** Records a process that this one started, so that a later run can stop it if this one cannot. */
    record(pid: number, stopSignal: StopSignal) {
      const identity = identifyProcess(pid)
      if (isReleased || identity === undefined) return
      contents = { owner, processes: [...contents.processes, { pid, identity, stopSignal }] }
      const next = `${file}.next`
      writeFileSync(next, JSON.stringify(contents))
      renameSync(next, file)
    },
    /** Removes the lockfile. Idempotent. */
    release() {
      if (!isReleased) rmSync(file, { force: true })
      isReleased = true
    },
  }
}

/** Creates the lockfile atomically; returns false when it exists. */
function create(file: string, contents: Contents) {
  const candidate = `${file}.${process.pid}.new`
  writeFileSync(candidate, JSON.stringify(contents))
  try {
    linkSync(candidate, file)
    return true
  } catch (error) {
    return ignore(error, 'EEXIST')
  } finally {
    rmSync(candidate, { force: true })
  }
}

async function removeStale(file: string, what: string) {
  requireGone(read(file), what)
  // Moved aside first, so that only one of two runs that find the same stale lock stops its processes.
  const aside = `${file}.${process.pid}.stale`
  try {
    renameSync(file, aside)
  } catch (error) {
    ignore(error, 'ENOENT')
    return
  }
  const moved = read(aside)
  try {
    requireGone(moved, what)
  } catch (error) {
    // The other run was faster and its fresh lock was moved; put it back.
    renameSync(aside, file)
    throw error
  }
  for (const leftover of moved?.processes.toReversed() ?? []) await end(leftover, leftover.stopSignal)
  rmSync(aside, { force: true })
}

/** Returns undefined when there is no lockfile, or a damaged one. */
function read(file: string): Contents | undefined {
  try {
    const { owner, processes } = JSON.parse(readFileSync(file, 'utf8')) as Contents
    const isSound = [owner, ...processes].every(
      ({ pid, identity }) => Number.isSafeInteger(pid) && typeof identity === 'string',
    )
    return isSound ? { owner, processes } : undefined
  } catch {
    return undefined
  }
}

function isRunning({ pid, identity }: Recorded) {
  return identifyProcess(pid) === identity
}

function requireGone(found: Contents | undefined, what: string) {
  if (found === undefined || !isRunning(found.owner)) return
  const { pid } = found.owner
  throw new LocalError(
    'ALREADY_RUNNING',
    `${what} is already in use by process ${pid}. Stop it first: press Ctrl-C in its terminal, or run "kill ${pid}".`,
  )
}

/** Stops a process of an earlier run, with SIGKILL if it does not end in time. */
async function end(leftover: Recorded, stopSignal: StopSignal) {
  for (const signal of [stopSignal, 'SIGKILL'] as const) {
    if (!isRunning(leftover)) return
    process.kill(leftover.pid, signal)
    await poll(async () => !isRunning(leftover) || undefined, STOP_GRACE_MS)
  }
}

function ignore(error: unknown, code: string): false {
  if (error instanceof Error && 'code' in error && error.code === code) return false
  throw error
}
