import { setTimeout as pause } from 'node:timers/promises'
import { startProgram, type ProgramOptions, type RunningProgram } from './program.ts'

/** A program that is started again whenever it has ended. */
export type Supervisor = ReturnType<typeof supervise>

const RESTART_MS = 100
const STOP_WITHIN_MS = 20_000

/** Starts a program and keeps it running. */
export function supervise(given: ProgramOptions) {
  let options = given
  /** How it ended each time that it was ready and was neither killed nor stopped. */
  const crashes: string[] = []
  let current: RunningProgram | undefined
  let readyLine: string | undefined
  let isStopping = false
  let isRestarting = false

  async function run(): Promise<void> {
    while (!isStopping) {
      const program = startProgram(options)
      current = program
      program.ready.then(
        (line) => {
          if (current === program) readyLine = line
        },
        () => undefined,
      )
      const how = await program.ended
      const wasReady = readyLine !== undefined
      current = undefined
      readyLine = undefined
      // A program that cannot reach its servers at its start ends; the next start tries again.
      const isInOrder = how === 'SIGKILL' || (isRestarting && how === '0')
      if (wasReady && !isStopping && !isInOrder) crashes.push(`${how}:\n${program.lastLines()}`)
      await pause(RESTART_MS)
    }
  }

  const running = run()
  return {
    /** Its process, while it is up. */
    current: () => current,
    /** The line that it printed when it became ready; undefined while it is not ready. */
    readyLine: () => readyLine,
    crashes,
    /** Resolves when it is up and ready, whatever ended it before. */
    async whenReady() {
      while (readyLine === undefined) await pause(RESTART_MS)
    },
    /** Stops it in good order, and resolves when the next process is ready, which may be of another version. */
    async restart(next: ProgramOptions = options) {
      options = next
      const before = current
      await before?.ready
      isRestarting = true
      before?.signal('SIGTERM')
      await before?.ended
      while (current === undefined || current === before) await pause(RESTART_MS)
      isRestarting = false
      await current.ready
    },
    /** Stops it for good; with SIGKILL when that takes too long. */
    async stop() {
      isStopping = true
      current?.signal('SIGCONT')
      current?.signal('SIGTERM')
      const force = setTimeout(() => current?.signal('SIGKILL'), STOP_WITHIN_MS)
      await running
      clearTimeout(force)
    },
  }
}
