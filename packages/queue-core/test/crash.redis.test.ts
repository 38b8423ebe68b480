import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import type { JobOptions, Worker } from '../src/index.ts'
import { jobs, range, sorted } from './support/collect.ts'
import { POISON, type Doom } from './support/doomed-worker.ts'
import { spawnWorker } from './support/process.ts'
import { test, type Place } from './support/place.ts'

const VISIBILITY_MS = 1_000

/** Numbers of the jobs whose handler did its work, in any process, as often as it did. */
async function effectsOf(place: Place): Promise<number[]> {
  const effects = await place.send<string[]>('LRANGE', `${place.prefix}:effects`, 0, -1)
  return sorted(effects.map(Number))
}

/** A worker that dies of nothing. */
function startRescuer(place: Place, options: object = {}): Promise<Worker> {
  const work = ({ data }: { readonly data: number }): Promise<unknown> =>
    place.send('RPUSH', `${place.prefix}:effects`, data)
  return place.startWorker({ work }, { visibilityMs: VISIBILITY_MS, ...options })
}

async function expectNothingLeft(place: Place): Promise<void> {
  const { parked, ordering, live, delayed, delayedJobs } = place.keys
  await eventually(async () => {
    const { ready, leased } = await place.createQueue().stats()
    return ready + leased === 0
  })
  expect(await place.send('EXISTS', parked, ordering, live, delayed, delayedJobs)).toBe(0)
}

describe('a worker that is killed', { timeout: 60_000 }, () => {
  // Plain ones, and such with an id and an ordering key.
  const optionsOf = (data: number): JobOptions =>
    data % 2 === 0 ? {} : { id: `job-${data}`, orderingKey: `k${data % 3}` }
  const dooms: [Doom, { maxAttempts?: number }][] = [
    ['when it has claimed', {}],
    ['in the handler', {}],
    ['after the effect', {}],
    ['while it acks', {}],
    ['while it retries', {}],
    ['while it buries', { maxAttempts: 1 }],
  ]

  test.for(dooms)('%s loses no job', async ([doom, more], { place }) => {
    const queue = place.createQueue()
    await queue.enqueueMany(jobs(12).map((job) => ({ ...job, ...optionsOf(job.data) })))
    const doomed = spawnWorker(place, {
      doom,
      options: { visibilityMs: VISIBILITY_MS, concurrency: 3, ...more },
    })
    expect(await doomed.ended).toBe('SIGKILL')
    const rescuer = await startRescuer(place)
    await expectNothingLeft(place)
    // A job that was buried in the last moment has had its effect, and is in one place.
    const dead = await queue.deadLetters()
    expect(doom === 'while it buries' || dead.length === 0).toBe(true)
    expect(new Set(await effectsOf(place))).toEqual(new Set(range(12)))
    const completed = place.eventsOf('completed').map(({ job }) => job.id)
    expect(new Set(completed).size).toBe(completed.length)
    expect(completed.length + dead.length).toBeLessThanOrEqual(12)
    await rescuer.stop()
  })

  test('with a full buffer loses nothing, and the jobs in it are run', async ({ place }) => {
    await place.createQueue().enqueueMany(jobs(2_000))
    const doomed = spawnWorker(place, {
      doom: 'with a full buffer',
      options: { visibilityMs: VISIBILITY_MS, concurrency: 1 },
    })
    expect(await doomed.ended).toBe('SIGKILL')
    expect((await place.createQueue().stats()).leased).toBeGreaterThan(1)
    await startRescuer(place)
    await expectNothingLeft(place)
    expect(new Set(await effectsOf(place))).toEqual(new Set(range(2_000)))
    expect(await place.createQueue().deadLetters()).toEqual([])
  })

  // F45
  test('again and again by the same job buries that job alone', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueueMany(
      jobs(20).map((job) => ({ ...job, id: `job-${job.data}`, orderingKey: `k${job.data % 15}` })),
    )
    const options = { visibilityMs: 500, concurrency: 20 }
    for (let life = 0; life < 3; life++)
      expect(await spawnWorker(place, { doom: 'at poison', options }).ended).toBe('SIGKILL')
    const rescuer = await startRescuer(place, { visibilityMs: 500 })
    await expectNothingLeft(place)
    const letters = await queue.deadLetters()
    expect(letters).toMatchObject([
      {
        id: `job-${POISON}`,
        data: POISON,
        cause: 'worker_crash',
        failures: 0,
        crashes: 3,
        worker: rescuer.consumer,
        history: [{ cause: 'worker_crash', error: '3 deliveries ended without a result from their worker' }],
      },
    ])
    expect(new Set(await effectsOf(place))).toEqual(new Set(range(20).filter((data) => data !== POISON)))
  })
})

describe('a worker that was frozen for longer than its lease', { timeout: 60_000 }, () => {
  // F43 a worker whose event loop is blocked for long: the lease is lost, the result void
  test.for(['succeed', 'fail'])('changes nothing when it goes on to %s', async (end, { place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 1, { id: 'mine', orderingKey: 'k' })
    const frozen = spawnWorker(place, { doom: 'never', options: { visibilityMs: 700, maxAttempts: 1 } })
    await eventually(() => frozen.told.some(({ type }) => type === 'started'), { timeoutMs: 20_000 })
    frozen.signal('SIGSTOP')
    const rescuer = await startRescuer(place, { visibilityMs: 700 })
    await eventually(() => rescuer.counters.completed === 1)
    await queue.enqueue('work', 2, { orderingKey: 'k', delayMs: 60_000 })
    await place.send('SET', `${place.prefix}:go`, end)
    frozen.signal('SIGCONT')
    await eventually(() => frozen.told.some(({ type }) => type === 'leaseLost'))
    await eventually(() => frozen.told.some(({ type }) => type === 'aborted'))
    const told = frozen.told.map(({ type }) => type)
    expect(told).not.toContain('completed')
    expect(told).not.toContain('deadLettered')
    expect(frozen.told.find(({ type }) => type === 'aborted')).toMatchObject({
      reason: expect.stringContaining('lease'),
    })
    expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0, dead: 0, delayed: 1 })
    expect(await queue.enqueue('work', 1, { id: 'mine' })).toMatchObject({ duplicate: true })
    // It is alive and of use again.
    await rescuer.stop()
    await queue.enqueue('work', 3)
    await eventually(() => frozen.told.filter(({ type }) => type === 'started').length === 2)
  })
})
