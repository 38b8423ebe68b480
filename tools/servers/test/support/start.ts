import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { eventually } from '@titan/testkit'

/** A running `start`. */
export interface Start {
  readonly pid: number
  /** What it has printed so far, on both outputs. */
  output(): string
  /** Waits until it has printed something that matches, and answers the match. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>
  signal(name: NodeJS.Signals): void
  /** Resolves with the exit code, `null` after a signal. */
  readonly exited: Promise<number | null>
}

/** By what `start` is run. */
interface How {
  /** A program that runs it, such as a package manager. */
  readonly launcher?: string
  /** Another copy of it. */
  readonly script?: string
}

/** Runs `start` with the state in `stateFolder`, on separate servers unless `env` names others. */
export function runStart(
  stateFolder: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  { launcher, script = fileURLToPath(new URL('../../src/start.ts', import.meta.url)) }: How = {},
): Start {
  const { DATABASE_URL: _database, REDIS_URL: _redis, ...inherited } = process.env
  const command = [
    ...(launcher === undefined ? [] : [launcher]),
    process.execPath,
    script,
    '--port',
    '0',
    ...args,
  ]
  const child = spawn(command[0] ?? '', command.slice(1), {
    env: { ...inherited, TITAN_STATE_DIR: stateFolder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text))
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', resolve)
  })
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await exited
  })
  return {
    pid: child.pid ?? 0,
    output: () => printed,
    async waitFor(pattern) {
      return await eventually(() => pattern.exec(printed) ?? false, { timeoutMs: 90_000 }).catch(
        (cause: unknown) => {
          throw new Error(`Never printed ${pattern}; printed:\n${printed}`, { cause })
        },
      )
    },
    signal: (name) => void child.kill(name),
    exited,
  }
}

/** The processes, on Linux, that were started on behalf of this state folder and still run. */
export function findProcesses(stateFolder: string): number[] {
  const ids = readdirSync('/proc').filter((name) => /^\d+$/u.test(name))
  return ids.map(Number).filter((pid) => readEnvironment(pid).includes(`TITAN_STATE_DIR=${stateFolder}`))
}

function readEnvironment(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}
