import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** A script in a process of its own. */
export interface Spawned {
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>
  /** The signal that ended it, or its exit code. */
  readonly ended: Promise<string | number | null>
  /** What it has written so far. */
  output(): string
  /** What it complained about. */
  complaint(): string
}

/** Starts a script with nothing in its environment but `env` and PATH; it ends with the test. */
export function spawnScript(script: URL, env: Readonly<Record<string, string>>): Spawned {
  const child = spawn(process.execPath, [fileURLToPath(script)], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let complaint = ''
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  const ended = once(child, 'exit').then(
    ([code, signal]: (string | number | null)[]) => signal ?? code ?? null,
  )
  async function kill(): Promise<void> {
    child.kill('SIGKILL')
    await ended
  }
  onTestFinished(kill)
  return { kill, ended, output: () => output, complaint: () => complaint }
}
