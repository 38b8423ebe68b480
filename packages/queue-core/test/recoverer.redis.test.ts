import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import { createConsumer } from '../src/index.ts'
import { jobs, sorted } from './support/collect.ts'
import { createGate } from './support/gate.ts'
import { test, type Place } from './support/place.ts'

/** Claims jobs for a consumer that is never heard of again. */
async function claimAndDie(
  place: Place,
  count: number,
  stream: string = place.keys.streams[1],
): Promise<void> {
  await place.send('XGROUP', 'CREATE', stream, 'workers', '0', 'MKSTREAM').catch(() => undefined)
  await place.send('XREADGROUP', 'GROUP', 'workers', 'dead', 'COUNT', count, 'STREAMS', stream, '>')
}

const pauseMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('jobs of a worker that died', () => {
  test('are run by another one after their visibility timeout', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueueMany([1, 2, 3].map((data) => ({ name: 'work' as const, data })))
    await claimAndDie(place, 3)
    const done: number[] = []
    await place.startWorker({ work: ({ data }) => void done.push(data) }, { visibilityMs: 200 })
    await eventually(() => done.length === 3)
    expect(sorted(done)).toEqual([1, 2, 3])
    expect(place.eventsOf('reclaimed').map(({ from, crashes }) => [from, crashes])).toEqual(
      [1, 2, 3].map(() => ['dead', 1]),
    )
  })

  test('do not wait until a backlog of new ones is worked off', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 1)
    await claimAndDie(place, 1)
    const backlog = 1_500
    await queue.enqueueMany(Array.from({ length: backlog }, () => ({ name: 'work' as const, data: 0 })))
    let others = 0
    let othersBefore = Infinity
    const work = async ({ data }: { readonly data: number }): Promise<void> => {
      if (data === 1) othersBefore = others
      else others++
      await pauseMs(3)
    }
    await place.startWorker({ work }, { visibilityMs: 300, concurrency: 2 })
    await eventually(() => others >= backlog, { timeoutMs: 25_000 })
    expect(othersBefore).toBeLessThan(backlog / 2)
  })
})

describe('jobs on their last chance', () => {
  /** Jobs whose workers have died twice. */
  async function enqueueSuspects(place: Place, count: number): Promise<void> {
    await place.createQueue().enqueueMany(jobs(count))
    await claimAndDie(place, count)
    const stream = place.keys.streams[1]
    for (const [id] of await place.send<[string][]>('XPENDING', stream, 'workers', '-', '+', count))
      await place.send('XCLAIM', stream, 'workers', 'dead', 0, id, 'IDLE', 60_000, 'RETRYCOUNT', 2, 'JUSTID')
  }

  test('run one at a time, each as soon as the last one has ended', async ({ place }) => {
    await enqueueSuspects(place, 20)
    let running = 0
    let most = 0
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running)
      await pauseMs(2)
      running--
    }
    // Every five seconds would be too late for twenty of them.
    const worker = await place.startWorker({ work }, { visibilityMs: 30_000, concurrency: 5 })
    await eventually(() => worker.counters.completed === 20)
    expect(most).toBe(1)
  })

  test('run beside jobs that are not', async ({ place }) => {
    await enqueueSuspects(place, 2)
    const gate = createGate()
    place.onEnd(gate.open)
    const started: number[] = []
    const work = ({ data }: { readonly data: number }): Promise<void> => {
      started.push(data)
      return gate.opened
    }
    await place.startWorker({ work }, { concurrency: 5 })
    await place.createQueue().enqueueMany([7, 8].map((data) => ({ name: 'work' as const, data })))
    await eventually(() => started.length === 3)
    expect(sorted(started).slice(1)).toEqual([7, 8])
  })
})

test('jobs claimed ahead of a slow one go to whoever is free', async ({ place }) => {
  const queue = place.createQueue()
  for (const priority of ['high', 'default', 'low'] as const) await queue.enqueue('work', 1, { priority })
  const gate = createGate()
  place.onEnd(gate.open)
  let started = 0
  const work = (): Promise<void> => {
    started++
    return gate.opened
  }
  await place.startWorker({ work }, { concurrency: 1 })
  await eventually(() => started === 1)
  await place.startWorker({ work }, { concurrency: 5 })
  await eventually(() => started === 3)
})

describe('while other priorities have a backlog', () => {
  test.for([
    ['is deleted', ['DEL']],
    ['loses its group', ['XGROUP', 'DESTROY']],
  ] as const)(
    // F187 the stream or group of one priority is deleted while the others have a backlog: `groupCreated`;
    //  its new jobs run, and expired jobs of all priorities are reclaimed
    'a priority whose stream %s is served, and lapsed jobs of the others are taken over',
    async ([, damage], { place }) => {
      const queue = place.createQueue()
      const dead = createConsumer(place.redis, place.name, { prefix: place.prefix, visibilityMs: 600 })
      await queue.enqueue('work', -1)
      await dead.claim()
      await queue.enqueueMany(jobs(6_000))
      const ran = new Set<number>()
      await place.startWorker(
        {
          work: async ({ data }) => {
            ran.add(data)
            await new Promise((resolve) => setTimeout(resolve, 1))
          },
        },
        { concurrency: 2, visibilityMs: 600 },
      )
      await eventually(() => ran.size > 20)
      await place.send(...damage, place.keys.streams[0], ...(damage.length > 1 ? ['workers'] : []))
      await queue.enqueueMany([-2, -3].map((data) => ({ name: 'work', data, priority: 'high' })))
      await eventually(() => [-1, -2, -3].every((data) => ran.has(data)), { timeoutMs: 10_000 })
      expect(ran.size).toBeLessThan(6_000)
      expect(place.eventsOf('groupCreated')).toHaveLength(1)
      await dead.close()
    },
  )
})
