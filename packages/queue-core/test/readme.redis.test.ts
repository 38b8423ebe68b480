import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { eventually, testPrefix } from '@titan/testkit'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, expect, inject, test, vi } from 'vitest'
import * as core from '../src/index.ts'
import * as testing from '../src/testing.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

/** The first TypeScript of a section. */
function codeOf(section: string): string {
  const code = readme.split(`\n## ${section}\n`)[1]?.split('```ts\n')[1]?.split('```')[0]
  if (code === undefined) throw new Error(`The README has no code under ${section}`)
  return code
}

/** Runs code of the README as it stands: its imports are ours, its server is that of the tests. */
async function run(code: string, given: object = {}): Promise<Record<string, unknown>> {
  const names = { ...core, ...testing, createClient, afterAll, beforeAll, expect, test, ...given }
  const body = stripTypeScriptTypes(code.replaceAll(/^import .*$/gm, '')).replaceAll(
    'redis://127.0.0.1:6379',
    inject('redisUrl'),
  )
  const returned = 'return { redis, worker: typeof worker === "undefined" ? undefined : worker }'
  const AsyncFunction = (async () => undefined).constructor as new (
    ...parts: string[]
  ) => (...values: unknown[]) => Promise<Record<string, unknown>>
  return new AsyncFunction(...Object.keys(names), `${body}\n${returned}`)(...Object.values(names))
}

afterEach(() => vi.restoreAllMocks())

test('the ten lines print something, each time they run', async () => {
  const queue = `'emails', { prefix: '${testPrefix()}' }`
  // A separate queue: other tests use this server.
  const code = codeOf('Ten lines')
    .replace("(redis, 'emails')", `(redis, ${queue})`)
    .replace(/^\}\)$/m, `}, { prefix: '${queue.split("'")[3]}' })`)
  for (let time = 0; time < 2; time++) {
    const log = vi.spyOn(console, 'log').mockReturnValue()
    const { redis, worker } = await run(code)
    await eventually(() => expect(log).toHaveBeenCalledWith('sent to', 'ada@example.com'))
    await (worker as core.Worker).stop()
    await (redis as { close(): Promise<void> }).close()
    vi.restoreAllMocks()
  }
})

// Registers the tests of the README as they stand.
vi.stubEnv('REDIS_URL', inject('redisUrl'))
await run(codeOf('Testing'))
