import { beeQueue } from '../drivers/bee-queue.ts'
import { bullmq } from '../drivers/bullmq.ts'
import type { Driver } from '../drivers/driver.ts'
import { functionPerJob } from '../drivers/function-per-job.ts'
import { graphileWorker } from '../drivers/graphile-worker.ts'
import { pgBoss } from '../drivers/pg-boss.ts'
import { titan, TITAN } from '../drivers/titan.ts'
import type { Context, Scenario } from '../scenario.ts'
import { openPostgres, openRedis } from '../servers.ts'
import { addingSide, amount } from './enqueue.ts'
import { workingSide } from './working.ts'

const NAMES = ['BullMQ', 'Bee-Queue', 'One function call per job', 'pg-boss', 'Graphile Worker']

const comparisons = NAMES.map((name) => ({ metric: 'rate', of: TITAN, to: name }))

async function drivers(context: Context): Promise<{ driver: Driver; count: number }[]> {
  const redis = await openRedis(context)
  const url = await openPostgres(context)
  return [
    { driver: titan(redis), count: amount(context, 100_000) },
    { driver: bullmq(redis), count: amount(context, 10_000) },
    { driver: beeQueue(redis), count: amount(context, 10_000) },
    { driver: functionPerJob(redis), count: amount(context, 40_000) },
    { driver: pgBoss(url), count: amount(context, 10_000) },
    { driver: graphileWorker(url), count: amount(context, 10_000) },
  ]
}

/** Compares adding jobs with other systems. */
export const peersEnqueue: Scenario = {
  name: 'peers-enqueue',
  title: 'Enqueue 50 per call, compared with other systems',
  about: 'Each with its call for many jobs, 4 calls in flight.',
  metrics: [{ key: 'rate', title: 'jobs enqueued', unit: 'jobs/s' }],
  comparisons,
  rounds: 3,
  prepare: async (context) =>
    (await drivers(context)).map(({ driver, count }) =>
      addingSide(driver, { count, inFlight: 4, perCall: 50 }),
    ),
}

/** Compares running jobs with other systems. */
export const peersWorker: Scenario = {
  name: 'peers-worker',
  title: 'Worker compared with other systems, handler that does nothing, concurrency 100',
  about: 'A full queue worked off, each system in its fastest configuration.',
  metrics: [{ key: 'rate', title: 'jobs done', unit: 'jobs/s' }],
  comparisons,
  rounds: 3,
  prepare: async (context) =>
    (await drivers(context)).map(({ driver, count }) => workingSide(driver, { count, concurrency: 100 })),
}
