import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { bullmq, BULLMQ } from '../drivers/bullmq.ts'
import { PAYLOAD, type Driver } from '../drivers/driver.ts'
import { titan, TITAN, TITAN_IDS } from '../drivers/titan.ts'
import { amount, driverSide, type Scenario, type Side } from '../scenario.ts'
import { findRedisBenchmark, openRedis, type BenchRedis } from '../servers.ts'
import { expectCount, perSecond } from '../work.ts'

const XADD = 'redis-benchmark XADD'
const RATE = [{ key: 'rate', title: 'jobs enqueued', unit: 'jobs/s' }] as const

interface Adding {
  readonly inFlight: number
  /** Jobs per call. @default 1 */
  readonly perCall?: number
}

/** One driver adding jobs, checked against what is in the queue afterwards. */
export function addingSide(driver: Driver, count: number, { inFlight, perCall = 1 }: Adding): Side {
  return driverSide(driver, async (opened) => {
    const calls = Math.ceil(count / perCall)
    const add = () => (perCall === 1 ? opened.add(PAYLOAD) : opened.addMany(perCall))
    const rate = (await perSecond(calls, inFlight, add)) * perCall
    expectCount(`${driver.name}: jobs waiting`, (await opened.counts()).waiting, calls * perCall)
    return { rate }
  })
}

/** Many jobs per call. */
export const enqueueMany: Scenario = {
  name: 'enqueue-many',
  title: 'Enqueue 50 per call, 10 calls in flight',
  about: `\`enqueueMany\` compared with BullMQ's \`addBulk\`, and with \`redis-benchmark -P 64\` and the bare \`XADD\` of such a job.`,
  metrics: RATE,
  comparisons: [
    { metric: 'rate', of: TITAN, to: BULLMQ, goal: { atLeast: 15 } },
    { metric: 'rate', of: TITAN, to: XADD, goal: { atLeast: 0.6 } },
    { metric: 'rate', of: TITAN_IDS, to: BULLMQ },
  ],
  async prepare(context) {
    const redis = await openRedis(context)
    const adding = { inFlight: 10, perCall: 50 }
    return [
      addingSide(titan(redis), amount(context, 300_000), adding),
      addingSide(bullmq(redis), amount(context, 40_000), adding),
      addingSide(titan(redis, { withIds: true }), amount(context, 100_000), adding),
      ...(await xaddSides(redis, amount(context, 300_000))),
    ]
  },
}

/** One job per call, many callers. */
export const enqueue: Scenario = {
  name: 'enqueue',
  title: 'Enqueue one per call, 100 calls in flight',
  about: '`enqueue` from a hundred callers of one process.',
  metrics: RATE,
  comparisons: [
    { metric: 'rate', of: TITAN, to: BULLMQ, goal: { atLeast: 6 } },
    { metric: 'rate', of: TITAN_IDS, to: BULLMQ },
  ],
  async prepare(context) {
    const redis = await openRedis(context)
    const adding = { inFlight: 100 }
    return [
      addingSide(titan(redis), amount(context, 150_000), adding),
      addingSide(bullmq(redis), amount(context, 30_000), adding),
      addingSide(titan(redis, { withIds: true }), amount(context, 75_000), adding),
    ]
  },
}

/** One job after the other. */
export const enqueueSerial: Scenario = {
  name: 'enqueue-serial',
  title: 'Enqueue one after the other',
  about: '`enqueue`, each call begun when the one before has been answered.',
  metrics: RATE,
  comparisons: [{ metric: 'rate', of: TITAN, to: BULLMQ, goal: { atLeast: 1.7 } }],
  async prepare(context) {
    const redis = await openRedis(context)
    const count = amount(context, 8_000)
    return [titan(redis), bullmq(redis)].map((driver) => addingSide(driver, count, { inFlight: 1 }))
  },
}

/** What the server can do with the same entries when nothing but `XADD` is asked of it. */
async function xaddSides(redis: BenchRedis, wanted: number): Promise<Side[]> {
  // It reckons in milliseconds, and says NaN when it was done within one.
  const count = Math.max(wanted, 10_000)
  const tool = await findRedisBenchmark(redis)
  if (tool === undefined) return []
  const run = promisify(execFile)
  const connection = ['-p', String(redis.server.port), '-n', String(count), '-P', '64', '--csv']
  const entry = ['XADD', 'bench', '*', 'n', 'work', 'd', JSON.stringify(PAYLOAD)]
  return [
    {
      name: XADD,
      setting: '50 connections, 64 commands per round trip, no queue',
      async run() {
        await redis.empty()
        const { stdout } = await run(tool.command, [...connection, ...entry], { env: tool.env })
        const rate = Number(stdout.trim().split('\n').at(-1)?.split('","')[1]?.replaceAll('"', ''))
        const found = await redis.client.xLen('bench')
        if (found < count) throw new Error(`redis-benchmark added ${found} of ${count}`)
        return { rate }
      },
    },
  ]
}
