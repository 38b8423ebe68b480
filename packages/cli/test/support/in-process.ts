import { vi } from 'vitest'
import { runTitan } from '../../src/commands.ts'
import type { Run } from './titan.ts'

/** Runs a command of `titan` in this process, which is no terminal, and keeps what it writes. */
export async function runHere(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Run> {
  const [stdout, stderr] = [keep(process.stdout), keep(process.stderr)]
  try {
    const code = await runTitan(args, env)
    return { code, stdout: stdout.text(), stderr: stderr.text() }
  } finally {
    stdout.restore()
    stderr.restore()
  }
}

/** What clears a line of a terminal. */
export const CLEAR_LINE = '\u001B[2K'

/** Runs work while standard error passes for a terminal. */
export async function onTerminal<Value>(work: () => Promise<Value>): Promise<Value> {
  const { isTTY } = process.stderr
  process.stderr.isTTY = true
  try {
    return await work()
  } finally {
    process.stderr.isTTY = isTTY
  }
}

/** Runs a command with `--json`, which must succeed, and reads its answer. */
export async function readJson<Answer>(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Answer> {
  const { code, stdout, stderr } = await runHere([...args, '--json'], env)
  if (code !== 0) throw new Error(`${args.join(' ')} ended with code ${code}: ${stderr}`)
  return JSON.parse(stdout) as Answer
}

function keep(stream: NodeJS.WriteStream): { text(): string; restore(): void } {
  const chunks: string[] = []
  const spy = vi.spyOn(stream, 'write').mockImplementation((chunk) => chunks.push(String(chunk)) > 0)
  return { text: () => chunks.join(''), restore: () => spy.mockRestore() }
}
