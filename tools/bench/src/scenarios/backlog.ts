import { createQueue, createWorker } from '@titan/queue-core'
import { endChild, startChild } from '../child.ts'
import type { BenchJobs } from '../drivers/titan.ts'
import type { Sample, Scenario } from '../scenario.ts'
import { connect, openRedis, type BenchRedis } from '../servers.ts'
import { addWork, expectCount, reach } from '../work.ts'

const SMALL = 'backlog of 1,000'
const MIDDLE = 'backlog of 100,000'
const LARGE = 'backlog of 1,000,000'
const BATCH = 500
const QUEUE = 'bench'

/** Whether a long queue is a slow queue. */
export const backlog: Scenario = {
  name: 'backlog',
  title: 'Throughput with a backlog that stays as long as it is',
  about:
    'A worker (concurrency 100, handler does nothing) while a producer of the same process adds 500 jobs whenever 500 are done. Another process has filled the queue before.',
  metrics: [{ key: 'rate', title: 'jobs done', unit: 'jobs/s' }],
  comparisons: [
    { metric: 'rate', of: MIDDLE, to: SMALL, goal: { atLeast: 0.85 } },
    { metric: 'rate', of: LARGE, to: SMALL, goal: { atLeast: 0.85 } },
  ],
  async prepare(context) {
    const redis = await openRedis(context)
    const jobs = context.pick({ full: 100_000, quick: 30_000, smoke: 1_000 })
    const lengths = { [SMALL]: 1_000, [MIDDLE]: 100_000, [LARGE]: 1_000_000 }
    const share = context.size === 'smoke' ? 0.01 : 1
    return Object.entries(lengths).map(([name, length]) => ({
      name,
      run: () => workAtBacklog(redis, Math.max(1_000, length * share), jobs),
    }))
  },
}

async function workAtBacklog(redis: BenchRedis, length: number, jobs: number): Promise<Sample> {
  await redis.empty()
  const { child } = await startChild('fill-process.ts', [redis.server.url, QUEUE, String(length)])
  await endChild(child)
  const client = await connect(redis.server.url)
  const queue = createQueue<BenchJobs>(client, QUEUE)
  const adding: Promise<unknown>[] = []
  let runs = 0
  const work = (): void => {
    if (++runs % BATCH === 0) adding.push(addWork(queue, BATCH))
  }
  const worker = createWorker<BenchJobs>(client, QUEUE, { work }, { concurrency: 100 })
  const begun = performance.now()
  await worker.start()
  await reach(jobs, () => worker.counters.completed)
  const rate = worker.counters.completed / ((performance.now() - begun) / 1_000)
  await worker.stop()
  await Promise.all(adding)
  const { ready, leased } = await queue.stats()
  expectCount('jobs left', ready + leased, length + adding.length * BATCH - runs)
  await client.close()
  return { rate }
}
