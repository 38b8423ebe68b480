import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A program of this project, run as a real process. */
export interface SpawnedProgram {
  readonly process: ChildProcess
  /** Everything it has written so far. */
  stdout(): string
  stderr(): string
  /** Resolves when it is gone. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

const spawned = new Set<ChildProcess>()

/** Starts `packages/<name>/src/cli.ts` with nothing in its environment but `env` and PATH. */
export function spawnProgram(
  name: 'api' | 'worker',
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): SpawnedProgram {
  const cli = fileURLToPath(new URL(`../../../${name}/src/cli.ts`, import.meta.url))
  const child = spawn(process.execPath, [cli, ...args], {
    env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  spawned.add(child)
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      spawned.delete(child)
      resolve({ code, signal })
    })
  })
  return { process: child, stdout: () => output.stdout, stderr: () => output.stderr, exited }
}

/** Kills what a test left running. */
export function killSpawned(): void {
  for (const child of spawned) child.kill('SIGKILL')
}
