import { setTimeout as pause } from 'node:timers/promises'
import { bullmq, BULLMQ } from '../drivers/bullmq.ts'
import { PAYLOAD, type Driver } from '../drivers/driver.ts'
import { titan, TITAN } from '../drivers/titan.ts'
import type { Scenario, Side } from '../scenario.ts'
import { openRedis } from '../servers.ts'
import { quantile } from '../statistics.ts'
import { reach } from '../work.ts'

const PER_SECOND = 1_000
const WARM_UP = 300

/** How long a job waits on an idle worker. */
export const latency: Scenario = {
  name: 'latency',
  title: 'From enqueue to the start of the handler, at 1,000 jobs a second',
  about:
    'One process enqueues a job every millisecond, whatever became of the others, and works them off with concurrency 10.',
  metrics: [
    { key: 'p50', title: 'half of the jobs start within', unit: 'ms' },
    { key: 'p99', title: '99 of 100 start within', unit: 'ms' },
  ],
  comparisons: [
    { metric: 'p50', of: TITAN, to: BULLMQ, goal: { atMost: 0.7 } },
    { metric: 'p99', of: TITAN, to: BULLMQ, goal: { atMost: 0.7 } },
  ],
  async prepare(context) {
    const redis = await openRedis(context)
    const count = context.pick({ full: 3_000, quick: 2_000, smoke: 200 })
    return [latencySide(titan(redis), count), latencySide(bullmq(redis), count)]
  },
}

function latencySide(driver: Driver, count: number): Side {
  return {
    name: driver.name,
    setting: driver.setting,
    async run() {
      const opened = await driver.open()
      try {
        const waits: number[] = []
        const working = await opened.work({
          concurrency: 10,
          handle: ({ at = 0 }) => void waits.push(performance.now() - at),
        })
        const adding: Promise<unknown>[] = []
        const total = count + WARM_UP
        for (const begun = performance.now(); adding.length < total; await pause(1)) {
          const due = Math.min(total, ((performance.now() - begun) / 1_000) * PER_SECOND)
          while (adding.length < due) adding.push(opened.add({ ...PAYLOAD, at: performance.now() }))
        }
        await Promise.all(adding)
        await reach(total, () => working.completed())
        await working.stop()
        const counted = waits.slice(WARM_UP)
        return { p50: quantile(counted, 0.5), p99: quantile(counted, 0.99) }
      } finally {
        await opened.close()
      }
    },
  }
}
