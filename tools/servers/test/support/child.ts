import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A script, running. */
export interface Child {
  readonly pid: number
  /** The first line that it printed. */
  readonly firstLine: string
  /** Ends it with SIGKILL and waits until it is gone. */
  kill(): Promise<void>
}

/** Runs a script and waits for its first line. */
export async function runChild(script: URL, ...args: string[]): Promise<Child> {
  const child = spawn(process.execPath, [fileURLToPath(script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
  })
  const lines = createInterface(child.stdout)
  const firstLine = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve)
    child.once('exit', (code) =>
      reject(new Error(`${fileURLToPath(script)} ended with ${code} and printed nothing`)),
    )
  })
  return {
    pid: child.pid ?? 0,
    firstLine,
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
