import { randomInt } from 'node:crypto'
import { eventually } from '@titan/testkit'
import { expect } from 'vitest'
import type { Job, JobContext, Queue, Worker } from '../src/index.ts'
import { test, type Place, type TestJobs } from './support/place.ts'

/** `CHAOS_SEED` repeats the choices of a run, though not their timing; `CHAOS_STEPS` makes it longer. */
const seed = Number(process.env['CHAOS_SEED'] ?? randomInt(2 ** 31 - 1))
const steps = Number(process.env['CHAOS_STEPS'] ?? 120)

/** A small generator of numbers in [0, 1): https://en.wikipedia.org/wiki/Xorshift */
function createRandom(from: number): () => number {
  let state = from || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** Workers that come and go, and a queue that is filled, paused, robbed and cut off at random. */
function createChaos(place: Place, queue: Queue<TestJobs>) {
  const random = createRandom(seed)
  const below = (bound: number): number => Math.floor(random() * bound)
  const workers: Worker[] = []
  /** Id by number of each job. */
  const ids: string[] = []
  /** Numbers of the jobs of an ordering key, in order. */
  const ofKey = new Map<string, number[]>()

  async function work({ attempt, data }: Job<'work', number>, { signal }: JobContext): Promise<void> {
    // A handler takes a moment, fails now and then, and obeys its signal.
    await new Promise((resolve) => setTimeout(resolve, data % 7))
    if (signal.aborted) throw signal.reason as Error
    if (attempt === 1 && data % 5 === 0) throw new Error('not yet')
  }

  async function hire(): Promise<void> {
    workers.push(
      await place.startWorker(
        { work },
        {
          visibilityMs: 1_000,
          concurrency: 1 + below(8),
          maxAttempts: 1_000,
          maxCrashes: 900,
          backoff: () => below(3) * 20,
        },
      ),
    )
  }

  async function fill(): Promise<void> {
    const many = Array.from({ length: 1 + below(30) }, (_none, index) => {
      const data = ids.length + index
      const orderingKey = ['x', 'y', 'z', undefined, undefined, undefined][below(6)]
      if (orderingKey !== undefined) ofKey.set(orderingKey, [...(ofKey.get(orderingKey) ?? []), data])
      return {
        name: 'work' as const,
        data,
        priority: (['high', 'default', 'low'] as const)[below(3)] ?? 'default',
        ...(below(2) === 0 ? { id: `job-${data}` } : {}),
        ...(orderingKey === undefined ? (below(3) === 0 ? { delayMs: below(200) } : {}) : { orderingKey }),
      }
    })
    ids.push(...(await queue.enqueueMany(many)).map(({ id }) => id))
  }

  async function fire(): Promise<void> {
    const [worker] = workers.splice(below(workers.length), 1)
    await worker?.stop({ graceMs: below(2) * 20 })
    await hire()
  }

  /** A running job goes to a consumer that does nothing with it. */
  async function rob(): Promise<void> {
    const stream = place.keys.streams[below(3)] ?? ''
    const rows = await place.send<[string, string][]>('XPENDING', stream, 'workers', '-', '+', 20)
    const row = rows[below(rows.length)]
    if (row !== undefined && row[1] !== '_released')
      await place.send('XCLAIM', stream, 'workers', 'thief', 0, row[0])
  }

  /** One connection of the workers breaks. */
  async function cut(): Promise<void> {
    const own = await place.send<number>('CLIENT', 'ID')
    const list = await place.send<string>('CLIENT', 'LIST')
    const others = list
      .split('\n')
      .filter((line) => line.includes(` name=${place.prefix} `))
      .map((line) => /^id=(\d+)/.exec(line)?.[1] ?? '')
      .filter((id) => id !== String(own))
    await place.send('CLIENT', 'KILL', 'ID', others[below(others.length)] ?? '0')
  }

  const acts = [
    fill,
    fill,
    fill,
    fill,
    rob,
    rob,
    fire,
    cut,
    () => queue.pause(),
    () => queue.resume(),
    () => queue.resume(),
  ]
  return {
    ids,
    ofKey,
    async run(): Promise<void> {
      for (let n = 0; n < 3; n++) await hire()
      for (let n = 0; n < steps; n++) {
        await acts[below(acts.length)]?.()
        await new Promise((resolve) => setTimeout(resolve, below(30)))
      }
      await queue.resume()
    },
  }
}

test(
  `workers come and go, connections break, jobs are stolen: every job is done, each key in order (seed ${seed})`,
  { timeout: 60_000 + steps * 1_000 },
  async ({ place }) => {
    const queue = place.createQueue()
    const chaos = createChaos(place, queue)
    await chaos.run()
    await eventually(
      async () => {
        const { ready, leased, delayed, parked } = await queue.stats()
        return ready + leased + delayed + parked === 0
      },
      { timeoutMs: 40_000 },
    )
    const completedIds = (): string[] => place.eventsOf('completed').map(({ job }) => job.id)
    // The answer to an ack may be on its way still.
    await eventually(() => {
      const told = new Set([...completedIds(), ...place.eventsOf('settleUnknown').map(({ job }) => job.id)])
      const untold = chaos.ids.filter((id) => !told.has(id))
      const happened = place.events.filter((event) => 'job' in event && untold.includes(event.job.id))
      expect(untold, JSON.stringify(happened)).toEqual([])
    })
    const completed = completedIds()
    expect(new Set(completed).size).toBe(completed.length)
    expect((await queue.stats()).dead).toBe(0)
    for (const numbers of chaos.ofKey.values()) {
      const inOrder = numbers.map((number) => chaos.ids[number])
      const ended = completed.filter((id) => inOrder.includes(id))
      expect(ended).toEqual(inOrder.filter((id) => completed.includes(id ?? '')))
    }
    const { parked, ordering, live, delayed, delayedJobs } = place.keys
    expect(await place.send('EXISTS', parked, ordering, live, delayed, delayedJobs)).toBe(0)
  },
)
