import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { describeError } from './errors.ts'
import type { Lock } from './lockfile.ts'
import { poll } from './wait.ts'
import { guard } from './watchdog.ts'

/** What to run, and where its output goes. */
interface ServerCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** The account to run under, when this process may choose. */
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** Receives standard output and standard error, appended. */
  readonly logFile: string
  /** Asks the server to end in good order. */
  readonly stopSignal: 'SIGINT' | 'SIGTERM'
  /** Records the process, so that a later run can stop it if this one cannot. */
  readonly lock?: Lock
  /** Removed when this process dies without stopping the server. */
  readonly temporaryFolder?: string | undefined
}

/** A running server process. */
export type ServerProcess = Awaited<ReturnType<typeof spawnServer>>

/**
 * Starts a server in its own process group, so that Ctrl-C in the terminal reaches this process alone, and
 * makes sure that it ends when this process dies.
 */
export async function spawnServer(server: ServerCommand) {
  const { command, args, env, uid, gid, logFile, stopSignal } = server
  const log = openSync(logFile, 'a')
  const logStart = statSync(logFile).size
  const child = spawn(command, args, {
    cwd: '/',
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  })
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`))
  })
  closeSync(log)
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })

  const { pid = 0 } = child
  const watchdog = guard(pid, stopSignal, server.temporaryFolder)
  child.once('exit', () => watchdog.release())
  server.lock?.record(pid, stopSignal)
  const isRunning = () => child.exitCode === null && child.signalCode === null

  return {
    pid,
    /** Resolves with how it ended when the process is gone. */
    exited,
    /** The last lines that the server wrote since it was started. */
    logTail() {
      const text = readFileSync(logFile).subarray(logStart).toString('utf8')
      return text.trimEnd().split('\n').slice(-30).join('\n')
    },
    /** Ends the server in good order, with SIGKILL after `graceMs`. Idempotent. */
    async stop(graceMs = 10_000) {
      if (!isRunning()) return
      child.kill(stopSignal)
      const force = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await exited
      clearTimeout(force)
    },
    /** Ends the server with SIGKILL. Idempotent. */
    async kill() {
      if (!isRunning()) return
      child.kill('SIGKILL')
      await exited
    },
  }
}

/**
 * Waits until the server is ready. Returns what went wrong, if anything.
 *
 * @param isReady must tell our server from a stranger that took the port first
 */
export async function waitUntilReady(
  server: Pick<ServerProcess, 'exited'>,
  isReady: () => Promise<boolean>,
  timeoutMs: number,
) {
  let last: unknown
  async function ask() {
    try {
      return (await isReady()) ? 'ready' : undefined
    } catch (error) {
      last = error
      return undefined
    }
  }
  // A stranger that took the port may accept the connection and say nothing, while our server has ended.
  const ended = server.exited.then((how) => `it ended (${how})`)
  const outcome = await poll(() => Promise.race([ended, ask()]), timeoutMs)
  if (outcome === 'ready') return undefined
  return outcome ?? `it did not answer within ${timeoutMs / 1000} s (${describeError(last)})`
}
