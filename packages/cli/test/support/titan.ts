import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What a run of `titan` came to. */
export interface Run {
  readonly code: number | string | null | undefined
  readonly stdout: string
  readonly stderr: string
}

/** The program. */
export const CLI: string = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))

/** Runs the real `titan` with nothing in its environment but `env` and PATH. */
export function runTitan(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
  return new Promise((resolve) => {
    const options = { env: { PATH: process.env['PATH'] ?? '', ...env } }
    execFile(process.execPath, [CLI, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr })
    })
  })
}
