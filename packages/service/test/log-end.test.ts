import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const script = fileURLToPath(new URL('support/log-process.ts', import.meta.url))

function start(runMs: number | 'flood' | undefined, stdio: StdioOptions): ChildProcess {
  return spawn(process.execPath, [script, ...(runMs === undefined ? [] : [String(runMs)])], { stdio })
}

/** How it ended; a process that hangs at its end is killed. */
async function endOf(child: ChildProcess): Promise<unknown> {
  const killer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  const [code, signal] = await once(child, 'exit')
  clearTimeout(killer)
  return signal ?? code
}

// Whether the lines fail while the program runs, or only in the last moment.
test.each([0, 200])(
  'a log that nobody takes any more does not keep a program from its end after %d ms',
  async (runMs) => {
    const child = start(runMs, ['ignore', 'ignore', 'pipe'])
    child.stderr?.destroy()
    expect(await endOf(child)).toBe(0)
  },
)

test('nor when the reader goes away just before', async () => {
  const child = start(undefined, ['pipe', 'ignore', 'pipe'])
  if (child.stderr !== null) await once(child.stderr, 'data')
  child.stderr?.destroy()
  child.stdin?.end()
  expect(await endOf(child)).toBe(0)
})

test.skipIf(!existsSync('/dev/full')).each([0, 200])(
  // F22
  'a log on a full disk neither ends a program nor keeps it from its end after %d ms',
  async (runMs) => {
    const full = openSync('/dev/full', 'w')
    const child = start(runMs, ['ignore', 'ignore', full])
    closeSync(full)
    expect(await endOf(child)).toBe(0)
  },
)

test.skipIf(!existsSync('/dev/full'))('standard output on a full disk does not end a service', async () => {
  const full = openSync('/dev/full', 'w')
  const service = fileURLToPath(new URL('support/service-process.ts', import.meta.url))
  const child = spawn(process.execPath, [service], { stdio: ['ignore', full, 'pipe'] })
  closeSync(full)
  let text = ''
  child.stderr?.on('data', (chunk) => {
    if (text === '') child.kill('SIGTERM')
    text += String(chunk)
  })
  await once(child, 'close')
  expect(text).toContain('example: cannot write the output: ENOSPC')
  expect(text).toContain('"event":"program.stopped"')
  expect(child.exitCode).toBe(1)
})

test('what was logged in the last moment is there', async () => {
  const child = start(0, ['ignore', 'ignore', 'pipe'])
  const chunks: string[] = []
  child.stderr?.on('data', (chunk) => chunks.push(String(chunk)))
  const [code] = await once(child, 'close')
  expect(code).toBe(0)
  const messages = [...chunks.join('').matchAll(/"event":"test\.(\w+)"/g)].map(([, message]) => message)
  // Each once, in any order: a line that is on its way when the program ends may come behind those that are flushed then.
  expect(messages.toSorted((one = '', other = '') => one.localeCompare(other))).toEqual([
    'first',
    'last',
    'last_of_all',
  ])
})

test('what there was no room for is counted', async () => {
  const child = start('flood', ['ignore', 'ignore', 'pipe'])
  let text = ''
  child.stderr?.on('data', (chunk) => (text += String(chunk)))
  await once(child, 'close')
  const lines = text.trim().split('\n')
  const counts = lines.filter((line) => line.includes('"event":"log_lines.dropped"'))
  const dropped = counts.map((line) => (JSON.parse(line) as { count: number }).count)
  expect(dropped).toHaveLength(1)
  expect(lines.length - 1 + (dropped[0] ?? 0)).toBe(40_001)
})
