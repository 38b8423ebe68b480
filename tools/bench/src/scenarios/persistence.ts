import { titan, TITAN } from '../drivers/titan.ts'
import { amount, type Scenario } from '../scenario.ts'
import { openRedis } from '../servers.ts'
import { addingSide } from './enqueue.ts'
import { workingSide } from './working.ts'

const WITHOUT = 'without persistence'
const EVERY_SECOND = 'append-only file, fsync every second'
const ARGS = { [WITHOUT]: [], [EVERY_SECOND]: ['--appendonly', 'yes', '--appendfsync', 'everysec'] }

/** What an append-only file costs. */
export const persistence: Scenario = {
  name: 'persistence',
  title: `${TITAN} with and without an append-only file`,
  about:
    'Enqueueing 50 per call with 10 in flight, and a worker with concurrency 100 whose handler does nothing.',
  metrics: [
    { key: 'enqueued', title: 'enqueueing', unit: 'jobs/s' },
    { key: 'done', title: 'working', unit: 'jobs/s' },
  ],
  comparisons: [
    { metric: 'enqueued', of: EVERY_SECOND, to: WITHOUT, goal: { atLeast: 0.7 } },
    { metric: 'done', of: EVERY_SECOND, to: WITHOUT, goal: { atLeast: 0.7 } },
  ],
  async prepare(context) {
    const count = amount(context, 200_000)
    const sides = Object.entries(ARGS).map(async ([name, args]) => {
      const driver = titan(await openRedis(context, args))
      const adding = addingSide(driver, count, { inFlight: 10, perCall: 50 })
      const working = workingSide(driver, { count })
      return {
        name,
        async run() {
          const { rate: enqueued = 0 } = await adding.run()
          const { rate: done = 0 } = await working.run()
          return { enqueued, done }
        },
      }
    })
    return Promise.all(sides)
  },
}
