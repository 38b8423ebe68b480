import { spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endChild } from '../child.ts'
import type { Context } from '../scenario.ts'
import { reach } from '../work.ts'

const root = fileURLToPath(new URL('../../../..', import.meta.url))

/** Runs a program of this repository as a separate process until the scenario ends. */
export async function startProgram(
  context: Context,
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'titan-bench-'))
  const log = join(folder, 'log')
  // Into a file, so that reading what it prints costs nothing while it is measured.
  const output = openSync(log, 'a')
  const child = spawn(process.execPath, [join(root, file), ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
  })
  const abandon = (): void => void child.kill()
  process.once('exit', abandon)
  context.defer(async () => {
    await endChild(child)
    process.off('exit', abandon)
    rmSync(folder, { recursive: true })
  })
  return {
    /** Waits for the first match of a pattern in what it has printed. */
    async printed(pattern: RegExp): Promise<string> {
      const read = (): string | undefined => pattern.exec(readFileSync(log, 'utf8'))?.[0]
      await reach(1, () => {
        if (child.exitCode !== null) throw new Error(`${file} ended:\n${readFileSync(log, 'utf8')}`)
        return read() === undefined ? 0 : 1
      })
      return read() ?? ''
    },
  }
}
