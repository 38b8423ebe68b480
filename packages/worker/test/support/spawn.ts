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

/** Starts `titan-api` or `titan-worker` with nothing in its environment but `env` and PATH. */
export function spawnProgram(
  name: 'api' | 'worker',
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): SpawnedProgram {
  return spawnScript(new URL(`../../../${name}/src/cli.ts`, import.meta.url), args, env)
}

/** Starts any script with nothing in its environment but `env` and PATH. */
export function spawnScript(
  script: URL,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): SpawnedProgram {
  const child = spawn(process.execPath, [fileURLToPath(script), ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
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

/** Kills what a test left running, and waits until it is gone. */
export async function killSpawned(): Promise<void> {
  await Promise.all(
    [...spawned].map(
      (child) =>
        new Promise<void>((resolve) => {
          child.once('close', () => resolve())
          child.kill('SIGKILL')
        }),
    ),
  )
}
