import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, inject, test, vi } from 'vitest'

const execute = promisify(execFile)

// Other programs are started here, beside whatever else this machine does.
const LONG_MS = 120_000
vi.setConfig({ testTimeout: LONG_MS })
const folder = new URL('./', import.meta.url)

/** What each example prints, line by line. */
const outputs: Readonly<Record<string, readonly string[]>> = {
  '01-enqueue.ts': ['first false', 'again true', '{ ready: 1002, delayed: 1 }'],
  '02-worker.ts': ['sent to ada', 'sent to grace', 'sent to barbara', '3 done, 0 waiting'],
  '03-retries-and-dead-letters.ts': [
    'imported busy.csv in attempt 2',
    'dead: unrecoverable - not a table - 1',
    'dead: handler_error - no such file - 3',
    'redriven 2',
    'imported broken.csv in attempt 1',
    'imported gone.csv in attempt 1',
  ],
  '04-manual-consumer.ts': [
    'resized cat.png in attempt 1',
    'resized dog.png in attempt 1',
    'dead: Error: not an image',
  ],
  '05-delayed-and-recurring.ts': [
    'tea done',
    'nap done',
    'time for lunch',
    'time for tea',
    'tick of the clock',
    'unscheduled true',
  ],
  '06-ordering-and-priorities.ts': [
    'alert first: fire - changes so far: 0',
    'ada 1, ada 2, ada 3, ada 4',
    'grace 1, grace 2, grace 3, grace 4',
  ],
  '07-typed-with-schema.ts': [
    'INVALID_PAYLOAD - Data of job "transfer" does not fit its schema: cents: Invalid integer: Received 2.5',
    'refused too',
    '500 cents to ada',
  ],
  '08-fenced-effect.ts': [
    'quick writes: true',
    'slow writes: false - the page is by quick',
    'slow acks: LEASE_LOST',
  ],
  '09-bullmq-queue.ts': ['waiting 2, prioritized 1, delayed 2'],
}

async function run(file: string): Promise<string[]> {
  const env = { ...process.env, REDIS_URL: inject('redisUrl'), QUEUE: `example-${randomUUID()}` }
  const script = fileURLToPath(new URL(file, folder))
  const { stdout, stderr } = await execute(process.execPath, [script], { env, timeout: LONG_MS })
  expect(stderr).toBe('')
  return stdout.trimEnd().split('\n')
}

test.each(Object.entries(outputs))('%s prints what it promises', async (file, lines) => {
  // Jobs that run side by side may finish in any order.
  expect((await run(file)).toSorted()).toEqual(lines.toSorted())
})

test('every example is run, and fits a screen', () => {
  const files = readdirSync(folder).filter((name) => /^\d\d-.*\.ts$/.test(name))
  expect(files.toSorted()).toEqual(Object.keys(outputs).toSorted())
  const tooLong = files.filter(
    (file) => readFileSync(new URL(file, folder), 'utf8').trimEnd().split('\n').length > 40,
  )
  expect(tooLong).toEqual([])
})
