import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Which program of the project. */
export type ProgramName = 'api' | 'worker'

/** A line of a program's log. */
export type LogEntry = Readonly<Record<string, unknown>>

/** How to start a program. */
export interface ProgramOptions {
  readonly name: ProgramName
  readonly args?: readonly string[]
  /** Everything in its environment besides PATH. */
  readonly env: Readonly<Record<string, string>>
  /** Root of the checkout that it runs from. @default this one */
  readonly checkout?: string | undefined
  /** Receives each line of its log. */
  readonly onLog?: (entry: LogEntry) => void
}

/** A program of the project as a separate process, with the failpoints loaded into it. */
export interface RunningProgram {
  readonly pid: number
  /** Resolves with the line that says it is ready; rejects when it ends before. */
  readonly ready: Promise<string>
  /** Resolves when it is gone, with the signal or the code that ended it. */
  readonly ended: Promise<string>
  signal(name: NodeJS.Signals): void
  /** SIGKILL, also of one that is stopped, and waits until it is gone. Idempotent. */
  kill(): Promise<void>
  /** The last lines of its log. */
  lastLines(): string
}

const THIS_CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url))
const KEPT_LINES = 20

/** Finds the failpoints of a checkout: they change objects of the program, so they come from the same one. */
function failpointsOf(checkout: string): URL {
  if (checkout === THIS_CHECKOUT) return new URL('failpoints.ts', import.meta.url)
  // Older versions have them in packages/.
  const found = ['tools', 'packages']
    .map((folder) => join(checkout, folder, 'chaos', 'src', 'failpoints.ts'))
    .find((path) => existsSync(path))
  if (found !== undefined) return pathToFileURL(found)
  throw new RangeError(`--previous must be a checkout of this project, got ${checkout}`)
}

/** Starts a program. It ends with this process at the latest. */
export function startProgram(options: ProgramOptions): RunningProgram {
  const { name, args = [], env, checkout = THIS_CHECKOUT, onLog = () => {} } = options
  const cli = join(checkout, 'packages', name, 'src', 'cli.ts')
  const child = spawn(process.execPath, ['--import', failpointsOf(checkout).href, cli, ...args], {
    env: { PATH: process.env['PATH'] ?? '', LOG_FORMAT: 'json', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('a program without output')
  const last: string[] = []
  createInterface({ input: stderr }).on('line', (line) => {
    last.push(line)
    if (last.length > KEPT_LINES) last.shift()
    const entry = parse(line)
    if (entry !== undefined) onLog(entry)
  })
  const ended = once(child, 'close').then(([code, signal]) => String(signal ?? code))
  const ready = new Promise<string>((resolve, reject) => {
    createInterface({ input: stdout }).once('line', resolve)
    ended.then((how) => reject(new Error(`titan-${name} ended (${how}):\n${last.join('\n')}`)), reject)
  })
  // Callers that wait get the rejection; a program that is killed at its start must not end this process.
  ready.catch(() => {})
  return {
    pid: child.pid ?? 0,
    ready,
    ended,
    signal: (signal) => void child.kill(signal),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    lastLines: () => last.join('\n'),
  }
}

function parse(line: string): LogEntry | undefined {
  try {
    return JSON.parse(line) as LogEntry
  } catch {
    return undefined
  }
}
