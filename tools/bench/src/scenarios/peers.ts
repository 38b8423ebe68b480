import { bullmq, BULLMQ } from '../drivers/bullmq.ts'
import type { Driver } from '../drivers/driver.ts'
import { pgBoss, PG_BOSS } from '../drivers/pg-boss.ts'
import { titan, TITAN } from '../drivers/titan.ts'
import { amount, type Scenario, type Side } from '../scenario.ts'
import { openPostgres, openRedis } from '../servers.ts'
import { addingSide } from './enqueue.ts'
import { workingSide } from './working.ts'

function peersScenario(
  texts: Pick<Scenario, 'name' | 'title' | 'about'>,
  side: (driver: Driver, count: number) => Side,
): Scenario {
  return {
    ...texts,
    metrics: [{ key: 'rate', title: 'jobs', unit: 'jobs/s' }],
    comparisons: [BULLMQ, PG_BOSS].map((name) => ({ metric: 'rate', of: TITAN, to: name })),
    rounds: 3,
    async prepare(context) {
      const redis = await openRedis(context)
      const url = await openPostgres(context)
      const drivers: [Driver, number][] = [
        [titan(redis), 100_000],
        [bullmq(redis), 10_000],
        [pgBoss(url), 10_000],
      ]
      return drivers.map(([driver, full]) => side(driver, amount(context, full)))
    },
  }
}

/** Compares adding jobs with other systems. */
export const peersEnqueue = peersScenario(
  {
    name: 'peers-enqueue',
    title: 'Enqueue 50 per call, compared with other systems',
    about: 'Each with its call for many jobs, 4 calls in flight.',
  },
  (driver, count) => addingSide(driver, count, { inFlight: 4, perCall: 50 }),
)

/** Compares running jobs with other systems. */
export const peersWorker = peersScenario(
  {
    name: 'peers-worker',
    title: 'Worker compared with other systems, handler that does nothing, concurrency 100',
    about: 'A full queue worked off, each system in its fastest configuration.',
  },
  (driver, count) => workingSide(driver, { count }),
)
