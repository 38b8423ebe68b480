import { createInspector, createQueue, createWorker } from '@titan/queue-core'
import { drain } from '@titan/queue-core/testing'
import { eventually, testPrefix } from '@titan/testkit'
import { connectRedis, redisOf, type TestRedis } from '@titan/testkit/vitest'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, inject, it, onTestFinished } from 'vitest'
import { importQueue } from '../src/bullmq/import.ts'
import { BullQueue, serverNow } from '../src/bullmq/source.ts'
import { addRepeating, openBullMq, startBullMq, type BullMq } from './support/bullmq.ts'
import { CLI } from './support/titan.ts'

const redis = await connectRedis()

/** Ends an import at one of its commands, which the server has carried out or has not. */
class Fuse {
  #left: number
  readonly #isCarriedOut: boolean
  isBlown = false

  constructor(commands: number, isCarriedOut: boolean) {
    this.#left = commands
    this.#isCarriedOut = isCarriedOut
  }

  async send<Value>(send: () => Promise<Value>): Promise<Value> {
    if (this.isBlown) throw new Error('killed')
    this.isBlown = this.#left === 0
    this.#left--
    if (!this.isBlown) return send()
    if (this.#isCarriedOut) await send()
    throw new Error('killed')
  }
}

function mortal(client: TestRedis, fuse: Fuse): TestRedis {
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (name !== 'sendCommand') return typeof value === 'function' ? value.bind(target) : value
      return (...args: Parameters<TestRedis['sendCommand']>) => fuse.send(() => target.sendCommand(...args))
    },
  })
}

/** Imports two jobs a step; false when the fuse ended it. */
async function runImport(prefix: string, fuse = new Fuse(Infinity, false)): Promise<boolean> {
  const client = mortal(redis, fuse)
  const source = redisOf(client)
  try {
    await importQueue({
      source: 'mail',
      from: new BullQueue(source, prefix, 'mail'),
      queue: createQueue(client, 'mail', { prefix }),
      inspector: createInspector(client, 'mail', { prefix }),
      clock: () => serverNow(source, prefix),
      maxPayloadBytes: 65_536,
      highTo: 1,
      lowFrom: 10,
      timeZone: 'UTC',
      dedupeMs: 86_400_000,
      failed: false,
      batch: 2,
      dryRun: false,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
    return true
  } catch (error) {
    if (fuse.isBlown) return false
    throw error
  }
}

const NUMBERS = Array.from({ length: 6 }, (_, n) => n)

/** Adds jobs in every state, and a repeating one whose first slot has come. */
async function fill(bull: BullMq): Promise<void> {
  await bull.addBulk(
    NUMBERS.map((n) => ({
      name: 'job',
      data: { n },
      opts: n % 3 === 0 ? {} : n % 3 === 1 ? { priority: n } : { delay: 1, jobId: `own-${n}` },
    })),
  )
  await addRepeating(bull, 6, 'tick', { every: 86_400_000 }, 'tick', { n: -1 })
}

/** Runs all that is ready in the target; the ids of what ran, and the numbers. */
async function work(prefix: string, ran: { id: string; n: number }[]): Promise<void> {
  type Jobs = Record<'job' | 'tick', { n: number }>
  const record = async (job: { id: string; data: { n: number } }) =>
    void ran.push({ id: job.id, n: job.data.n })
  await drain<Jobs>(redis, 'mail', { job: record, tick: record }, { prefix })
}

const sorted = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)

it.each([
  ['before', false],
  ['after', true],
] as const)(
  'loses and doubles no job, killed %s any command',
  { timeout: 120_000 },
  async (_when, isCarriedOut) => {
    for (let at = 0, hasEnded = false; !hasEnded; at++) {
      const prefix = testPrefix()
      const bull = openBullMq(6, prefix)
      await fill(bull)
      const ran: { id: string; n: number }[] = []
      hasEnded = await runImport(prefix, new Fuse(at, isCarriedOut))
      // Workers of the target go on meanwhile.
      await work(prefix, ran)
      expect(await runImport(prefix), `continued after command ${at}`).toBe(true)
      await work(prefix, ran)
      expect(sorted(ran.map(({ n }) => n)), `killed at command ${at}`).toEqual([-1, ...NUMBERS])
      expect((await createQueue(redis, 'mail', { prefix }).schedules()).map(({ key }) => key)).toEqual([
        'tick',
      ])
      const left = await redis.keys(`${prefix}:mail:*`)
      expect(
        left.filter((key) => /:(\d+|own-.*|repeat.*|titan.*|wait|delayed|prioritized)$/.test(key)),
      ).toEqual([])
      await redis.del(await redis.keys(`${prefix}*`))
    }
  },
)

it(
  'loses and doubles no job, killed again and again while workers of both sides run',
  { timeout: 60_000 },
  async () => {
    const prefix = testPrefix()
    const bull = openBullMq(6, prefix)
    const many = Array.from({ length: 300 }, (_, n) => n)
    const ran: number[] = []
    await bull.addBulk(
      many.map((n) => ({
        name: 'job',
        data: { n },
        opts: n % 3 === 0 ? {} : n % 3 === 1 ? { priority: n } : { delay: n },
      })),
    )
    const record = async (data: unknown) => {
      await pause(1)
      ran.push((data as { n: number }).n)
    }
    const theirs = await startBullMq(6, prefix, ({ data }) => record(data))
    const ours = createWorker<{ job: { n: number } }>(
      redis,
      'mail',
      { job: ({ data }) => record(data) },
      { prefix },
    )
    await ours.start()
    onTestFinished(() => ours.stop())

    for (
      let round = 1;
      !(await runImport(prefix, new Fuse(3 + ((round * 7) % 23), round % 2 === 0)));
      round++
    );
    await eventually(async () => {
      await runImport(prefix)
      expect(sorted(ran)).toEqual(many)
    })
    await theirs.close()
    expect(sorted(ran)).toEqual(many)
  },
)

it('continues a process that was killed', { timeout: 60_000 }, async () => {
  const prefix = testPrefix()
  const bull = openBullMq(6, prefix)
  const many = Array.from({ length: 300 }, (_, n) => n)
  await bull.addBulk(many.map((n) => ({ name: 'job', data: { n }, opts: n % 2 === 0 ? {} : { delay: 1 } })))
  const env = { PATH: process.env['PATH'] ?? '', REDIS_URL: inject('redisUrl'), QUEUE_PREFIX: prefix }
  const args = ['import-bullmq', 'mail', '--bullmq-prefix', prefix, '--batch', '5']
  const ran: { id: string; n: number }[] = []
  let kills = 0
  for (;;) {
    const child = spawn(process.execPath, [CLI, ...args], { env, stdio: 'ignore' })
    const closed = once(child, 'close') as Promise<[number | null, string | null]>
    const before = await redis.zCard(`${prefix}:mail:delayed`)
    const moved = await redis.lLen(`${prefix}:mail:wait`)
    // As soon as it has begun to move jobs, twice.
    while (
      kills < 2 &&
      child.exitCode === null &&
      (await redis.lLen(`${prefix}:mail:wait`)) + (await redis.zCard(`${prefix}:mail:delayed`)) >
        before + moved - 20
    )
      await pause(1)
    if (kills < 2) child.kill('SIGKILL')
    const [code, signal] = await closed
    await work(prefix, ran)
    if (signal === 'SIGKILL') kills++
    else {
      expect(code).toBe(0)
      break
    }
  }
  expect(kills).toBe(2)
  expect(sorted(ran.map(({ n }) => n))).toEqual(many)
})
