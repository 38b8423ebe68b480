import { setTimeout as pause } from 'node:timers/promises'
import { bullmq, BULLMQ } from '../drivers/bullmq.ts'
import { titan, TITAN, TITAN_IDS } from '../drivers/titan.ts'
import type { Scenario, Side } from '../scenario.ts'
import { openRedis } from '../servers.ts'
import { perSecond } from '../work.ts'
import { amount } from './enqueue.ts'
import { workingSide } from './working.ts'

const RATE = [{ key: 'rate', title: 'jobs done', unit: 'jobs/s' }] as const

/** Nothing but the queue, many at a time. */
export const workerNoop: Scenario = {
  name: 'worker',
  title: 'Worker, handler that does nothing, concurrency 100',
  about: 'A full queue worked off, from the start of the worker until the last end is stored.',
  metrics: RATE,
  comparisons: [
    { metric: 'rate', of: TITAN, to: BULLMQ, goal: { atLeast: 12 } },
    { metric: 'rate', of: TITAN_IDS, to: BULLMQ },
  ],
  async prepare(context) {
    const redis = await openRedis(context)
    return [
      workingSide(titan(redis), { count: amount(context, 200_000), concurrency: 100 }),
      workingSide(bullmq(redis), { count: amount(context, 20_000), concurrency: 100 }),
      workingSide(titan(redis, { withIds: true }), { count: amount(context, 80_000), concurrency: 100 }),
    ]
  },
}

/** Nothing but the queue, one at a time. */
export const workerSerial: Scenario = {
  name: 'worker-serial',
  title: 'Worker, handler that does nothing, concurrency 1',
  about: 'The same with one job at a time.',
  metrics: RATE,
  comparisons: [{ metric: 'rate', of: TITAN, to: BULLMQ, goal: { atLeast: 6 } }],
  async prepare(context) {
    const redis = await openRedis(context)
    return [
      workingSide(titan(redis), { count: amount(context, 80_000), concurrency: 1 }),
      workingSide(bullmq(redis), { count: amount(context, 6_000), concurrency: 1 }),
    ]
  },
}

const BARE_LOOP = 'The same timers without a queue'
const CONCURRENCY = 100

/** A handler that waits for a millisecond, as for a fast answer over the network. */
export const workerWaiting: Scenario = {
  name: 'worker-1ms',
  title: 'Worker, handler that waits 1 ms, concurrency 100',
  about: `The limit is 100 jobs per millisecond. Node's timers do not reach it either, which the bare loop shows.`,
  metrics: RATE,
  comparisons: [
    { metric: 'rate', of: TITAN, to: BULLMQ, goal: { atLeast: 4 } },
    {
      metric: 'rate',
      of: TITAN,
      to: { name: 'the limit, 100,000/s', value: 100_000 },
      goal: { atLeast: 0.6 },
    },
    { metric: 'rate', of: TITAN, to: BARE_LOOP },
  ],
  async prepare(context) {
    const redis = await openRedis(context)
    const handle = (): Promise<void> => pause(1)
    const count = amount(context, 80_000)
    return [
      workingSide(titan(redis), { count, concurrency: CONCURRENCY, handle }),
      workingSide(bullmq(redis), { count: amount(context, 15_000), concurrency: CONCURRENCY, handle }),
      bareLoop(count),
    ]
  },
}

function bareLoop(count: number): Side {
  return { name: BARE_LOOP, run: async () => ({ rate: await perSecond(count, CONCURRENCY, () => pause(1)) }) }
}
