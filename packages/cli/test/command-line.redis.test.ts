import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { createTestDatabase, testPrefix, type TestDatabase } from '@titan/testkit'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { CLI, runTitan } from './support/titan.ts'

let database: TestDatabase
let env: Readonly<Record<string, string>>
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'))
  env = { DATABASE_URL: database.url, REDIS_URL: inject('redisUrl'), QUEUE_PREFIX: testPrefix() }
  expect((await runTitan(['migrate'], env)).code).toBe(0)
})
afterAll(() => database.drop())

/** Runs `titan` with its output closed by the reader, who took at most one piece of it. */
async function runUnread(args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (args.includes('--watch')) child.stdout.once('data', () => child.stdout.destroy())
  else child.stdout.destroy()
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stderr }
}

it.each([
  [['--help']],
  [['--version']],
  [['peek', '--help']],
  [['payments', 'list']],
  [['payments', 'list', '--json']],
  [['verify']],
  [['stats', '--watch', '--interval-ms', '50']],
  // F273 the reader of `titan`’s output is gone, or the disk under it is full: ends in order with its code,
  //  also `stats --watch`; the full disk is reported, code 1
])('titan %j whose reader is gone ends in order', async (args) => {
  expect(await runUnread(args)).toEqual({ code: 0, stderr: '' })
})

// F273
it.runIf(process.platform === 'linux')('output that a full disk cannot take is a failure', async () => {
  const child = spawn(process.execPath, [CLI, 'payments', 'list'], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
  })
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  expect(await once(child, 'close')).toEqual([1, null])
  expect(stderr).toMatch(/^titan: cannot write the output: ENOSPC.*\n$/u)
})

it.each([
  [['foo'], 2, "titan: unknown command 'foo'"],
  [['\u001b[2J\u009b'], 2, "titan: unknown command '·[2J·'"],
  [
    ['payments'],
    2,
    "titan: unknown command 'payments'; payments has list, show, lookup, capture, void, refund, erase",
  ],
  [['payments', 'list', '--after', 'zzz'], 2, 'titan payments list: --after must be the id of a payment'],
  [['payments', 'list', '--limit', '0'], 2, 'titan payments list: --limit must be a whole number from 1'],
  [['payments', 'list', '--limit', 'NaN'], 2, 'titan payments list: --limit must be a whole number from 1'],
  [['payments', 'show', 'nope'], 1, 'titan payments show: no such payment: nope'],
  [['dlq', 'show', `${'9'.repeat(25)}-1`], 1, `titan dlq show: no such dead letter: ${'9'.repeat(25)}-1`],
  [['dlq', 'redrive', '1-1'], 1, 'titan dlq redrive: no such dead letter: 1-1'],
  [['dlq', 'delete', '1-1'], 1, 'titan dlq delete: no such dead letter: 1-1'],
  [['dlq', 'list', '--since', '2026-13-45'], 2, 'titan dlq list: --since must be a time such as'],
  [['verify', '--ledger', '/nonexistent'], 2, 'titan verify: /nonexistent cannot be read'],
  [['verify', '--ledger', '/none\u001b[2J'], 2, 'titan verify: /none·[2J cannot be read'],
  // F272 `titan` with unknown commands and ids, limits and times out of range: one clear line, code 1 or 2, no
  //  stack
])('titan %j is answered in a line or two with code %d', async (args, code, line) => {
  const run = await runTitan(args, env)
  expect(run.code).toBe(code)
  expect(run.stderr).toContain(line)
  expect(run.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2)
})
