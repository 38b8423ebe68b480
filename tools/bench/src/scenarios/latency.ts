import { setTimeout as pause } from 'node:timers/promises'
import { bullmq, BULLMQ } from '../drivers/bullmq.ts'
import { PAYLOAD, type OpenDriver } from '../drivers/driver.ts'
import { titan, TITAN } from '../drivers/titan.ts'
import { quantile } from '../measure.ts'
import { driverSide, type Sample, type Scenario } from '../scenario.ts'
import { openRedis, type BenchRedis } from '../servers.ts'
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
    return [titan(redis), bullmq(redis)].map((driver) =>
      driverSide(driver, (opened) => measureWaits(opened, count)),
    )
  },
}

async function measureWaits(opened: OpenDriver, count: number): Promise<Sample> {
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
  await reach(total, working.completed)
  await working.stop()
  const counted = waits.slice(WARM_UP)
  return { p50: quantile(counted, 0.5), p99: quantile(counted, 0.99) }
}

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
    return [titan(redis), bullmq(redis)].map((driver) =>
      driverSide(driver, (opened) => measureLateness(opened, redis, count)),
    )
  },
}

async function measureLateness(opened: OpenDriver, redis: BenchRedis, count: number): Promise<Sample> {
  const serverNow = await readServerClock(redis)
  const late: number[] = []
  const working = await opened.work({
    concurrency: 10,
    handle: ({ dueAt = 0 }) => void late.push(serverNow() - dueAt),
  })
  for (let added = 0; added < count; added++) {
    const delayMs = SHORTEST_MS + Math.random() * (LONGEST_MS - SHORTEST_MS)
    await opened.add({ ...PAYLOAD, dueAt: Math.round(serverNow() + delayMs) })
  }
  await reach(count, working.completed)
  await working.stop()
  // A millisecond is what the clocks may be apart.
  const early = late.find((ms) => ms < -1)
  if (early !== undefined) throw new Error(`A job began ${-early} ms before it was due`)
  return { p50: quantile(late, 0.5), p99: quantile(late, 0.99) }
}

/** Returns the clock of Redis, epoch milliseconds with fractions, by the quickest of several replies. */
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
