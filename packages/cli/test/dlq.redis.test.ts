import { eventually, testPrefix } from '@titan/testkit'
import { createQueue, createWorker, UnrecoverableError, type Queue, type Worker } from '@titan/queue-core'
import { createClient } from 'redis'
import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { readJson, runHere } from './support/in-process.ts'

interface Jobs {
  a: { readonly n: number }
  b: { readonly n: number }
}

interface Letters {
  readonly letters: readonly { readonly letterId: string; readonly id: string }[]
  readonly more: boolean
}

const redis = createClient({ url: inject('redisUrl') })
await redis.connect()
afterAll(() => redis.destroy())

const OF_WORK = ['--queue', 'work']
let env: Record<string, string>
let queue: Queue<Jobs>

beforeEach(() => {
  const prefix = testPrefix()
  env = { REDIS_URL: inject('redisUrl'), QUEUE_PREFIX: prefix }
  queue = createQueue<Jobs>(redis, 'work', { prefix })
})

function makeWorker(): Worker {
  const fail = (): never => {
    throw new UnrecoverableError('no such thing')
  }
  const options = { prefix: env['QUEUE_PREFIX'] ?? '', maxAttempts: 1 }
  return createWorker<Jobs>(redis, 'work', { a: fail, b: () => Promise.reject(new Error('broken')) }, options)
}

/** Jobs a-1, a-2, b-1, … that have failed for good. */
async function bury(count: number): Promise<void> {
  await queue.enqueueMany(
    Array.from({ length: count }, (_, at) => {
      const [name, n] = [at % 2 === 0 ? ('a' as const) : ('b' as const), Math.floor(at / 2) + 1]
      return { name, data: { n }, id: `${name}-${n}` }
    }),
  )
  const worker = makeWorker()
  await worker.start()
  await eventually(async () =>
    expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0, dead: count }),
  )
  await worker.stop()
}

async function idsOf(args: readonly string[]): Promise<string[]> {
  const { letters } = await readJson<Letters>(['dlq', 'list', ...OF_WORK, ...args], env)
  return letters.map(({ id }) => id).toSorted()
}

describe('titan dlq list', () => {
  it('lists dead letters and narrows them down', async () => {
    await bury(6)

    expect(await idsOf([])).toEqual(['a-1', 'a-2', 'a-3', 'b-1', 'b-2', 'b-3'])
    expect(await idsOf(['--name', 'a'])).toEqual(['a-1', 'a-2', 'a-3'])
    expect(await idsOf(['--cause', 'handler_error'])).toEqual(['b-1', 'b-2', 'b-3'])
    expect(await idsOf(['--job', 'b-2'])).toEqual(['b-2'])
    expect(await idsOf(['--since', '1h'])).toHaveLength(6)
    expect(await idsOf(['--until', '1h'])).toEqual([])
    expect(await idsOf(['--name', 'a', '--cause', 'handler_error'])).toEqual([])
    const { letters, more } = await readJson<Letters>(['dlq', 'list', ...OF_WORK, '--limit', '4'], env)
    expect({ count: letters.length, more }).toEqual({ count: 4, more: true })
  })

  it('shows a table, or says that there are none', async () => {
    expect((await runHere(['dlq', 'list', ...OF_WORK], env)).stdout).toBe('no dead letters in queue work\n')
    await bury(1)

    const { stdout } = await runHere(['dlq', 'list', ...OF_WORK], env)
    expect(stdout).toMatch(/^letter +job id +job +cause +failures +dead since +last error$/m)
    expect(stdout).toMatch(/^\d+-\d+ +a-1 +a +unrecoverable +1 +\S+Z +no such thing$/m)
  })

  it('refuses causes and times that are none', async () => {
    const { code, stderr } = await runHere(
      ['dlq', 'list', ...OF_WORK, '--cause', 'bad', '--since', 'now'],
      env,
    )
    expect(code).toBe(2)
    expect(stderr).toContain('--cause must be one of handler_error, timeout')
    expect(stderr).toContain('--since must be a time such as')
  })
})

describe('titan dlq show', () => {
  it('shows a dead letter with its data and failures', async () => {
    await bury(1)
    const [id = ''] = (await queue.deadLetters()).map(({ letterId }) => letterId)

    const { letters } = await readJson<{ letters: unknown[] }>(['dlq', 'show', ...OF_WORK, id], env)
    expect(letters).toMatchObject([
      { letterId: id, id: 'a-1', data: { n: 1 }, history: [{ at: expect.stringMatching(/Z$/) }] },
    ])
    const { stdout } = await runHere(['dlq', 'show', ...OF_WORK, id], env)
    expect(stdout).toMatch(/^data +\{"n":1\}$/m)
  })

  it('ends with code 1 when it is not there, and with 2 when none is named', async () => {
    const missing = await runHere(['dlq', 'show', ...OF_WORK, '1-0'], env)
    expect(missing).toEqual({ code: 1, stdout: '', stderr: 'titan dlq show: no such dead letter: 1-0\n' })
    expect((await runHere(['dlq', 'show', ...OF_WORK], env)).code).toBe(2)
  })
})

describe('titan dlq redrive', () => {
  it('makes named letters ready again', async () => {
    await bury(4)
    const [first = '', second = ''] = (await queue.deadLetters()).map(({ letterId }) => letterId)

    const done = await readJson(['dlq', 'redrive', ...OF_WORK, first, second], env)
    expect(done).toEqual({ queue: 'work', redriven: 2, skipped: 0, left: 0 })
    expect(await queue.stats()).toMatchObject({ ready: 2, dead: 2 })
  })

  it('makes those of a filter ready again, or all of them', async () => {
    await bury(6)

    const some = await readJson(['dlq', 'redrive', ...OF_WORK, '--name', 'b', '--yes'], env)
    expect(some).toMatchObject({ redriven: 3 })
    expect(await idsOf([])).toEqual(['a-1', 'a-2', 'a-3'])
    const { stdout } = await runHere(['dlq', 'redrive', ...OF_WORK, '--all', '--yes', '--rate', '1000'], env)
    expect(stdout).toBe('3 redriven, 0 skipped\n')
    expect(await queue.stats()).toMatchObject({ ready: 6, dead: 0 })
  })

  it('skips what is gone or alive already', async () => {
    await bury(2)
    const [letter = ''] = (await queue.deadLetters()).map(({ letterId }) => letterId)
    await queue.enqueue('a', { n: 1 }, { id: 'a-1' })

    const done = await readJson(['dlq', 'redrive', ...OF_WORK, '--all', '--yes'], env)
    expect(done).toMatchObject({ redriven: 1, skipped: 1 })
    expect(await idsOf([])).toEqual(['a-1'])
    await queue.deleteDeadLetters([letter])
    expect(await readJson(['dlq', 'redrive', ...OF_WORK, '--all', '--yes'], env)).toMatchObject({
      redriven: 0,
      skipped: 0,
    })
  })

  it.each([
    ['nothing is said', [], 'no dead letters chosen: give ids, a filter or --all'],
    ['nobody can be asked', ['--all'], '2 dead letters: without a terminal, confirm with --yes'],
    [
      'a filter is given too',
      ['--all', '--name', 'a', '--yes'],
      '--all cannot be combined with ids or filters',
    ],
  ])('changes nothing when %s', async (_case, args, complaint) => {
    await bury(2)

    for (const verb of ['redrive', 'delete']) {
      const { code, stdout, stderr } = await runHere(['dlq', verb, ...OF_WORK, ...args], env)
      expect({ code, stdout, stderr }).toEqual({
        code: 2,
        stdout: '',
        stderr: `titan dlq ${verb}: ${complaint}\n`,
      })
    }
    expect(await queue.stats()).toMatchObject({ ready: 0, dead: 2 })
  })
})

describe('titan dlq delete', () => {
  it('deletes named letters, those of a filter, and all', async () => {
    await bury(6)
    const [first = ''] = (await queue.deadLetters()).map(({ letterId }) => letterId)

    expect(await readJson(['dlq', 'delete', ...OF_WORK, first], env)).toEqual({ queue: 'work', deleted: 1 })
    expect(await readJson(['dlq', 'delete', ...OF_WORK, '--name', 'b', '--yes'], env)).toMatchObject({
      deleted: 3,
    })
    const { stdout } = await runHere(['dlq', 'delete', ...OF_WORK, '--all', '--yes'], env)
    expect(stdout).toBe('2 deleted\n')
    expect(await queue.stats()).toMatchObject({ ready: 0, dead: 0 })
  })
})
