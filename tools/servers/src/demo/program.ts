import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { LocalError } from '../errors.ts'
import type { Lock } from '../lockfile.ts'
import { spawnServer, type ServerProcess } from '../server-process.ts'

/** A program of this project to keep running. */
interface ProgramCommand {
  /** For messages. */
  readonly name: string
  /** The TypeScript file to run, and its arguments. */
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly logFile: string
  readonly lock: Lock
  /** Receives how the program ended by itself, before it starts again. */
  readonly onRestart: (how: string) => void
}

/** A running program. */
export type Program = Awaited<ReturnType<typeof startProgram>>

const MAX_RESTARTS = 3
const RESTART_WINDOW_MS = 30_000
const RESTART_PAUSE_MS = 250
const STOP_GRACE_MS = 20_000

/** Starts a program. */
export async function startProgram({ name, args, env, logFile, lock, onRestart }: ProgramCommand) {
  mkdirSync(dirname(logFile), { recursive: true })
  const { promise: failed, reject: fail } = Promise.withResolvers<never>()
  // Handled here too, so that a failure that no caller awaits does not end the process.
  failed.catch(() => {})
  const restarts: number[] = []
  let isStopping = false
  let isKept = false
  let current = await launch()

  async function launch(): Promise<ServerProcess> {
    const command = process.execPath
    const server = await spawnServer({ command, args, env, logFile, stopSignal: 'SIGTERM', lock })
    void server.exited.then((how) => restart(server, how))
    return server
  }

  async function restart(ended: ServerProcess, how: string) {
    if (isStopping) return
    const now = performance.now()
    restarts.push(now)
    const recentCount = restarts.filter((at) => now - at < RESTART_WINDOW_MS).length
    if (!isKept || recentCount > MAX_RESTARTS) {
      const what = isKept ? 'ended repeatedly' : 'ended before it was ready'
      fail(new LocalError('SERVER_EXITED', `${name} ${what} (${how}):\n${ended.logTail()}`))
      return
    }
    onRestart(how)
    await pause(RESTART_PAUSE_MS)
    if (isStopping) return
    try {
      current = await launch()
      // A stop that came while the process was being started found the old one.
      if (isStopping) await current.stop(STOP_GRACE_MS)
    } catch (error) {
      fail(error)
    }
  }

  return {
    /** The last lines of its log, since it was last started. */
    logTail: () => current.logTail(),
    /** From now on it is started again when it ends by itself, unless it does so again and again. */
    keepRunning() {
      isKept = true
    },
    /** Rejects when the program has ended and is not started again; never resolves. */
    failed,
    /** Ends it in good order. Idempotent. */
    async stop() {
      isStopping = true
      await current.stop(STOP_GRACE_MS)
    },
  }
}
