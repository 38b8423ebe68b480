import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Instructions } from './doomed-worker.ts'
import type { Place } from './place.ts'

/** A worker in a separate process. */
export interface WorkerProcess {
  /** What its worker told, in order. */
  readonly told: readonly { readonly type: string }[]
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void
  /** Resolves when the process has ended, with the signal that ended it. */
  readonly ended: Promise<string | undefined>
}

const SCRIPT = fileURLToPath(new URL('./doomed-worker.ts', import.meta.url))

/** Starts a worker of the place's queue in a separate process, which ends with the test at the latest. */
export function spawnWorker(
  place: Place,
  { doom, options }: Pick<Instructions, 'doom' | 'options'>,
): WorkerProcess {
  const instructions: Instructions = {
    url: place.url,
    prefix: place.prefix,
    queue: place.name,
    doom,
    options,
  }
  const child = spawn(process.execPath, [SCRIPT, JSON.stringify(instructions)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const told: { type: string }[] = []
  createInterface(child.stdout).on('line', (line) => told.push(JSON.parse(line) as { type: string }))
  const ended = once(child, 'exit').then(([code, signal]) => String(signal ?? code))
  place.onEnd(async () => {
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await ended
  })
  return { told, ended, signal: (name) => void child.kill(name) }
}
