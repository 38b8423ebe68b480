import { setTimeout as pause } from 'node:timers/promises'
import { bullmq, BULLMQ } from '../drivers/bullmq.ts'
import { BACKOFF_MS, titan, TITAN, TITAN_IDS } from '../drivers/titan.ts'
import { amount, type Comparison, type Context, type Scenario, type Side } from '../scenario.ts'
import { openRedis, type BenchRedis } from '../servers.ts'
import { perSecond } from '../work.ts'
import { workingSide, type WorkingOff } from './working.ts'

interface Compared extends Pick<Scenario, 'name' | 'title' | 'about'> {
  /** Jobs of a full run, here and at BullMQ, which gets fewer so that its rounds take as long. */
  readonly counts: readonly [number, number]
  readonly work?: Omit<WorkingOff, 'count'>
  readonly atLeast: number
  /** Further sides, and what they are compared with. @default none */
  readonly more?: (redis: BenchRedis, context: Context) => Side[]
  readonly moreComparisons?: readonly Omit<Comparison, 'metric'>[]
}

/** Returns a scenario in which both workers drain a full queue. */
function workerScenario({ counts, work, atLeast, more, moreComparisons = [], ...texts }: Compared): Scenario {
  const comparisons = [{ of: TITAN, to: BULLMQ, goal: { atLeast } }, ...moreComparisons]
  return {
    ...texts,
    metrics: [{ key: 'rate', title: 'jobs done', unit: 'jobs/s' }],
    comparisons: comparisons.map((comparison) => ({ metric: 'rate', ...comparison })),
    async prepare(context) {
      const redis = await openRedis(context)
      return [
        workingSide(titan(redis), { ...work, count: amount(context, counts[0]) }),
        workingSide(bullmq(redis), { ...work, count: amount(context, counts[1]) }),
        ...(more?.(redis, context) ?? []),
      ]
    },
  }
}

const PATHS = { counts: [60_000, 10_000], atLeast: 5 } as const
const BARE_LOOP = 'The same timers without a queue'
const CONCURRENCY = 100

/** Nothing but the queue, many jobs at a time. */
export const workerNoop = workerScenario({
  name: 'worker',
  title: 'Worker, handler that does nothing, concurrency 100',
  about: 'A full queue worked off, from the start of the worker until the last end is stored.',
  counts: [200_000, 20_000],
  atLeast: 12,
  more: (redis, context) => [
    workingSide(titan(redis, { withIds: true }), { count: amount(context, 80_000) }),
  ],
  moreComparisons: [{ of: TITAN_IDS, to: BULLMQ }],
})

/** Nothing but the queue, one job at a time. */
export const workerSerial = workerScenario({
  name: 'worker-serial',
  title: 'Worker, handler that does nothing, concurrency 1',
  about: 'The same with one job at a time.',
  counts: [80_000, 6_000],
  work: { concurrency: 1 },
  atLeast: 6,
})

/** A handler that waits for a millisecond, as for a fast response over the network. */
export const workerWaiting = workerScenario({
  name: 'worker-1ms',
  title: 'Worker, handler that waits 1 ms, concurrency 100',
  about: `The limit is 100 jobs per millisecond. Node's timers do not reach it either, which the bare loop shows.`,
  counts: [80_000, 15_000],
  work: { concurrency: CONCURRENCY, handle: () => pause(1) },
  atLeast: 4,
  more: (_redis, context) => [
    {
      name: BARE_LOOP,
      run: async () => ({ rate: await perSecond(amount(context, 80_000), CONCURRENCY, () => pause(1)) }),
    },
  ],
  moreComparisons: [
    { of: TITAN, to: { name: 'the limit, 100,000/s', value: 100_000 }, goal: { atLeast: 0.6 } },
    { of: TITAN, to: BARE_LOOP },
  ],
})

/** Jobs that fail once. */
export const retries = workerScenario({
  name: 'retries',
  title: 'Jobs that fail once and then succeed',
  about: `Every job runs twice, with ${BACKOFF_MS} ms between its attempts; concurrency 100.`,
  ...PATHS,
  work: {
    attempts: 2,
    handle: (_payload, failures) => {
      if (failures.attempt === 1) failures.fail()
    },
  },
})

/** Jobs that were delayed. */
export const delayed = workerScenario({
  name: 'delayed',
  title: 'Delayed jobs that are all due',
  about: 'Made ready and worked off; the worker starts when all of them are due; concurrency 100.',
  ...PATHS,
  work: { delayMs: 200 },
})

/** Jobs that are given up. */
export const deadLetters = workerScenario({
  name: 'dead-letters',
  title: 'Jobs given up in their first attempt',
  about: 'From the start of the worker until all are dead letters (failed jobs, kept); concurrency 100.',
  ...PATHS,
  work: { end: 'dead', handle: (_payload, failures) => failures.giveUp() },
})
