import { bullmq, BULLMQ } from '../drivers/bullmq.ts'
import { PAYLOAD, type Driver } from '../drivers/driver.ts'
import { titan, TITAN } from '../drivers/titan.ts'
import type { Scenario, Side } from '../scenario.ts'
import { openRedis, type BenchRedis } from '../servers.ts'
import { quantile } from '../statistics.ts'
import { reach } from '../work.ts'

const SHORTEST_MS = 100
const LONGEST_MS = 2_000
/** What the library promises, in milliseconds. */
const PROMISE_MS = 50

/** How late delayed jobs begin. */
export const lateness: Scenario = {
  name: 'delay-lateness',
  title: 'How late delayed jobs begin on an idle worker',
  about: `Jobs with random delays of ${SHORTEST_MS} to ${LONGEST_MS} ms; from the time a job is due, by the clock of Redis, to the start of its handler. Concurrency 10.`,
  metrics: [
    { key: 'p50', title: 'half of the jobs begin within', unit: 'ms' },
    { key: 'p99', title: '99 of 100 begin within', unit: 'ms' },
  ],
  comparisons: [
    { metric: 'p50', of: TITAN, to: BULLMQ },
    { metric: 'p99', of: TITAN, to: BULLMQ },
    {
      metric: 'p99',
      of: TITAN,
      to: { name: `the promise, ${PROMISE_MS} ms`, value: PROMISE_MS },
      goal: { atMost: 1 },
    },
  ],
  async prepare(context) {
    const redis = await openRedis(context)
    const count = context.pick({ full: 400, quick: 200, smoke: 20 })
    return [latenessSide(titan(redis), redis, count), latenessSide(bullmq(redis), redis, count)]
  },
}

function latenessSide(driver: Driver, redis: BenchRedis, count: number): Side {
  return {
    name: driver.name,
    setting: driver.setting,
    async run() {
      const opened = await driver.open()
      try {
        const serverNow = await readServerClock(redis)
        const late: number[] = []
        const working = await opened.work({
          concurrency: 10,
          handle: ({ dueAt = 0 }) => void late.push(serverNow() - dueAt),
        })
        for (let added = 0; added < count; added++) {
          const delay = SHORTEST_MS + Math.random() * (LONGEST_MS - SHORTEST_MS)
          const dueAt = Math.round(serverNow() + delay)
          await opened.add({ ...PAYLOAD, dueAt })
        }
        await reach(count, () => working.completed())
        await working.stop()
        // A millisecond is what the clocks may be apart.
        const early = late.find((ms) => ms < -1)
        if (early !== undefined) throw new Error(`A job began ${-early} ms before it was due`)
        return { p50: quantile(late, 0.5), p99: quantile(late, 0.99) }
      } finally {
        await opened.close()
      }
    },
  }
}

/** The clock of Redis, epoch milliseconds with fractions, as the quickest of some answers tells it. */
async function readServerClock({ client }: BenchRedis): Promise<() => number> {
  let ahead = 0
  let quickest = Infinity
  for (let tries = 0; tries < 20; tries++) {
    const asked = performance.now()
    const [seconds = '0', micros = '0'] = await client.sendCommand<string[]>(['TIME'])
    const answered = performance.now()
    if (answered - asked >= quickest) continue
    quickest = answered - asked
    ahead = Number(seconds) * 1_000 + Number(micros) / 1_000 - (asked + answered) / 2
  }
  return () => performance.now() + ahead
}
