import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'

/** A script that runs as a process. */
export type SpawnedProgram = ReturnType<typeof spawnScript>

const running = new Set<{ kill(): Promise<void> }>()

/** Starts `titan-api` or `titan-worker` with only `env` and PATH in its environment. */
export function spawnProgram(
  name: 'api' | 'worker',
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): SpawnedProgram {
  return spawnScript(new URL(`../../../packages/${name}/src/cli.ts`, import.meta.url), args, env)
}

/** Starts a script with only `env` and PATH in its environment. */
export function spawnScript(
  script: URL,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
) {
  const child = spawn(process.execPath, [fileURLToPath(script), ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  let isGone = false
  const exited = once(child, 'close').then((args) => {
    const [code, signal] = args as [number | null, NodeJS.Signals | null]
    isGone = true
    running.delete(program)
    return { code, signal }
  })
  const program = {
    process: child as ChildProcess,
    /** Everything that it has written so far. */
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    /** Resolves when the process is gone and its output is complete. */
    exited,
    /** Waits until standard output matches. @throws when the program ends before, with what it wrote on standard error */
    async waitFor(pattern: RegExp, timeoutMs = 60_000) {
      const match = await eventually(() => pattern.exec(output.stdout) ?? isGone, { timeoutMs })
      if (match === true) throw new Error(`ended without printing ${pattern}: ${output.stderr}`)
      return match
    },
    /** Sends SIGKILL and waits until the process is gone. Idempotent. */
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
  running.add(program)
  return program
}

/** Kills every program that a test left running, and waits until it is gone. */
export async function killSpawned() {
  await Promise.all([...running].map((program) => program.kill()))
}
