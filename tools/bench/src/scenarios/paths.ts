import { bullmq, BULLMQ } from '../drivers/bullmq.ts'
import { BACKOFF_MS, titan, TITAN } from '../drivers/titan.ts'
import type { Scenario } from '../scenario.ts'
import { openRedis } from '../servers.ts'
import { amount } from './enqueue.ts'
import { workingSide, type WorkingOff } from './working.ts'

interface Path {
  readonly name: string
  readonly title: string
  readonly about: string
  readonly work: Omit<WorkingOff, 'count' | 'concurrency'>
}

const DELAY_MS = 200

function pathScenario({ name, title, about, work }: Path): Scenario {
  return {
    name,
    title,
    about,
    metrics: [{ key: 'rate', title: 'jobs ended', unit: 'jobs/s' }],
    comparisons: [{ metric: 'rate', of: TITAN, to: BULLMQ, goal: { atLeast: 5 } }],
    async prepare(context) {
      const redis = await openRedis(context)
      return [
        workingSide(titan(redis), { ...work, count: amount(context, 60_000), concurrency: 100 }),
        workingSide(bullmq(redis), { ...work, count: amount(context, 10_000), concurrency: 100 }),
      ]
    },
  }
}

/** Jobs that fail once. */
export const retries: Scenario = pathScenario({
  name: 'retries',
  title: 'Jobs that fail once and then succeed',
  about: `Every job runs twice, with ${BACKOFF_MS} ms between its attempts; concurrency 100.`,
  work: {
    attempts: 2,
    handle: (_payload, failures) => {
      if (failures.attempt === 1) failures.fail()
    },
  },
})

/** Jobs that were delayed. */
export const delayed: Scenario = pathScenario({
  name: 'delayed',
  title: 'Delayed jobs that are all due',
  about: 'Made ready and worked off; the worker starts when all of them are due; concurrency 100.',
  work: { delayMs: DELAY_MS },
})

/** Jobs that are given up. */
export const deadLetters: Scenario = pathScenario({
  name: 'dead-letters',
  title: 'Jobs given up in their first attempt',
  about: 'From the start of the worker until all are dead letters (failed jobs, kept); concurrency 100.',
  work: { end: 'dead', handle: (_payload, failures) => failures.giveUp() },
})
