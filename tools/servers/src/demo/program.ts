import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { LocalError } from '../errors.ts'
import { spawnServer, type ServerProcess } from '../server-process.ts'
import { pause } from '../wait.ts'

/** A program of this project to keep running. */
export interface ProgramCommand {
  /** For messages and the log's name. */
  readonly name: string
  /** The TypeScript file to run. */
  readonly script: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly logFile: string
  /** Learns of every process that is started. */
  readonly onSpawn: (pid: number) => void
  /** Learns that the program ended by itself and starts again. */
  readonly onRestart: (how: string) => void
}

/** A running program. */
export interface Program {
  /** The last lines of its log, since it was last started. */
  logTail(): string
  /** From now on it is started again when it ends by itself, unless it does so again and again. */
  keepRunning(): void
  /** Rejects when the program has ended and is not started again; never resolves. */
  readonly failed: Promise<never>
  /** Ends it in good order. Idempotent. */
  stop(): Promise<void>
}

const MAX_RESTARTS = 3
const RESTART_WINDOW_MS = 30_000
const RESTART_PAUSE_MS = 250
const STOP_GRACE_MS = 20_000

/** Starts a program. */
export async function startProgram(command: ProgramCommand): Promise<Program> {
  mkdirSync(dirname(command.logFile), { recursive: true })
  const { promise: failed, reject: fail } = Promise.withResolvers<never>()
  // Handled here too, so that a failure that no caller awaits does not end the process.
  failed.catch(() => {})
  const restarts: number[] = []
  let isStopping = false
  let isKept = false
  let current = await launch()

  async function launch(): Promise<ServerProcess> {
    const server = await spawnServer({
      command: process.execPath,
      args: [command.script, ...command.args],
      env: command.env,
      logFile: command.logFile,
      stopSignal: 'SIGTERM',
    })
    command.onSpawn(server.pid)
    void server.exited.then(async (how) => await restart(server, how))
    return server
  }

  async function restart(ended: ServerProcess, how: string): Promise<void> {
    if (isStopping) return
    const now = performance.now()
    restarts.push(now)
    const recentCount = restarts.filter((at) => now - at < RESTART_WINDOW_MS).length
    if (!isKept || recentCount > MAX_RESTARTS) {
      const what = isKept ? `${command.name} ended repeatedly` : `${command.name} ended before it was ready`
      fail(new LocalError('SERVER_EXITED', `${what} (${how}):\n${ended.logTail()}`))
      return
    }
    command.onRestart(how)
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
    logTail: () => current.logTail(),
    keepRunning() {
      isKept = true
    },
    failed,
    async stop() {
      isStopping = true
      await current.stop(STOP_GRACE_MS)
    },
  }
}
