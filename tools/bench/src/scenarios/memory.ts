import { bullmq, BULLMQ } from '../drivers/bullmq.ts'
import type { OpenDriver } from '../drivers/driver.ts'
import { titan, TITAN, TITAN_IDS } from '../drivers/titan.ts'
import { driverSide, type Sample, type Scenario } from '../scenario.ts'
import { openRedis, type BenchRedis } from '../servers.ts'
import { expectCount, reach } from '../work.ts'
import { fill } from './working.ts'

/** What a job takes up in Redis. */
export const memory: Scenario = {
  name: 'memory',
  title: 'Memory of Redis per job',
  about:
    '`used_memory` (less the buffers of the connections) with jobs of 50 bytes of data minus without, first waiting, then all running.',
  metrics: [
    { key: 'waiting', title: 'a waiting job', unit: 'bytes' },
    { key: 'running', title: 'a running job', unit: 'bytes' },
  ],
  comparisons: [
    { metric: 'waiting', of: TITAN, to: BULLMQ, goal: { atMost: 0.35 } },
    { metric: 'running', of: TITAN, to: BULLMQ, goal: { atMost: 0.35 } },
    { metric: 'waiting', of: TITAN_IDS, to: BULLMQ },
  ],
  rounds: 3,
  async prepare(context) {
    const redis = await openRedis(context)
    const count = context.pick({ full: 20_000, quick: 10_000, smoke: 500 })
    return [titan(redis), bullmq(redis), titan(redis, { withIds: true })].map((driver) =>
      driverSide(driver, (opened) => measureMemory(redis, opened, count)),
    )
  },
}

async function measureMemory(redis: BenchRedis, opened: OpenDriver, count: number): Promise<Sample> {
  const used = async (): Promise<number> =>
    (await redis.info('memory', 'used_memory')) - (await redis.info('memory', 'mem_clients_normal'))
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  let running = 0
  try {
    const before = await used()
    await fill(opened, count)
    const waiting = ((await used()) - before) / count
    const working = await opened.work({
      concurrency: count,
      handle() {
        running++
        return released
      },
    })
    await reach(count, () => running)
    const held = ((await used()) - before) / count
    release()
    await reach(count, working.completed)
    await working.stop()
    expectCount('jobs left', (await opened.counts()).waiting, 0)
    return { waiting, running: held }
  } finally {
    release()
  }
}
