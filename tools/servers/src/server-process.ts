import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { guard } from './watchdog.ts'

/** What to run, and where its output goes. */
export interface ServerCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The account to run under, when this process may choose. */
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** Receives standard output and standard error, appended. */
  readonly logFile: string
  /** Asks the server to end in good order. */
  readonly stopSignal: 'SIGINT' | 'SIGTERM'
  /** Removed when this process dies without stopping the server. */
  readonly temporaryFolder?: string | undefined
}

/** A running server process. */
export interface ServerProcess {
  readonly pid: number
  /** Settles when the process is gone; never rejects. */
  readonly exited: Promise<string>
  isRunning(): boolean
  /** The last lines that the server wrote since it was started. */
  logTail(): string
  /** Ends the server in good order, with SIGKILL after `graceMs`. Idempotent. */
  stop(graceMs?: number): Promise<void>
  /** Ends the server with SIGKILL. Idempotent. */
  kill(): Promise<void>
}

/**
 * Starts a server in its own process group, so that Ctrl-C in the terminal reaches this process alone, and
 * makes sure that it ends when this process dies.
 */
export async function spawnServer(server: ServerCommand): Promise<ServerProcess> {
  const log = openSync(server.logFile, 'a')
  const logStart = statSync(server.logFile).size
  const child = spawn(server.command, server.args, {
    cwd: '/',
    detached: true,
    env: { ...process.env, ...server.env },
    stdio: ['ignore', log, log],
    ...(server.uid === undefined ? {} : { uid: server.uid }),
    ...(server.gid === undefined ? {} : { gid: server.gid }),
  })
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${String(code)}`))
  })
  closeSync(log)
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })

  const pid = child.pid ?? 0
  const watchdog = guard(pid, server.stopSignal === 'SIGINT' ? 'INT' : 'TERM', server.temporaryFolder)
  child.once('exit', () => watchdog.release())
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null

  async function stop(graceMs = 10_000): Promise<void> {
    if (!isRunning()) return
    child.kill(server.stopSignal)
    const force = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await exited
    clearTimeout(force)
  }

  return {
    pid,
    exited,
    isRunning,
    logTail() {
      const text = readFileSync(server.logFile).subarray(logStart).toString('utf8')
      return text.trimEnd().split('\n').slice(-30).join('\n')
    },
    stop,
    async kill() {
      if (!isRunning()) return
      child.kill('SIGKILL')
      await exited
    },
  }
}
