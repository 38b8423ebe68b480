import { createQueue } from '@titan/queue-core'
import { endChild, nextMessage, startChild } from '../child.ts'
import type { BenchJobs } from '../drivers/titan.ts'
import { amount, type Sample, type Scenario } from '../scenario.ts'
import { connect, openRedis, type BenchRedis } from '../servers.ts'
import { addWork, expectCount, reach } from '../work.ts'
import { fill } from './working.ts'

const NAME = 'bench'

interface Shape {
  readonly workers: number
  readonly partitions: number
}

const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`
const nameOf = ({ workers, partitions }: Shape): string =>
  `${count(workers, 'process', 'processes')}, ${count(partitions, 'partition', 'partitions')}`
const ALONE: Shape = { workers: 1, partitions: 1 }
const OTHERS: readonly Shape[] = [
  { workers: 2, partitions: 1 },
  { workers: 4, partitions: 1 },
  { workers: 1, partitions: 4 },
  { workers: 4, partitions: 4 },
]

/** What more workers and partitions bring on one Redis. */
export const processes: Scenario = {
  name: 'processes',
  title: 'Worker processes and partitions on one Redis',
  about:
    'Workers in separate processes drain a full queue with concurrency 100; the handler does nothing. They share the cores of this machine with Redis.',
  metrics: [
    { key: 'rate', title: 'jobs done', unit: 'jobs/s' },
    { key: 'memory', title: 'memory of one worker process', unit: 'MB' },
  ],
  comparisons: OTHERS.map((shape) => ({ metric: 'rate', of: nameOf(shape), to: nameOf(ALONE) })),
  rounds: 3,
  async prepare(context) {
    const redis = await openRedis(context)
    const jobs = amount(context, 200_000)
    return [ALONE, ...OTHERS].map((shape) => ({ name: nameOf(shape), run: () => drain(redis, shape, jobs) }))
  },
}

const SHORT = 'backlog of 10,000'
const LONG = 'backlog of 1,000,000'

/** Whether the memory of a worker grows with what waits. */
export const workerMemory: Scenario = {
  name: 'worker-memory',
  title: 'Memory of a worker process',
  about: 'Resident memory of a worker process (Node itself included) after it worked on a queue that long.',
  metrics: [{ key: 'memory', title: 'memory', unit: 'MB' }],
  comparisons: [{ metric: 'memory', of: LONG, to: SHORT }],
  rounds: 1,
  async prepare(context) {
    const redis = await openRedis(context)
    const short = context.pick({ full: 10_000, quick: 10_000, smoke: 500 })
    const long = context.pick({ full: 1_000_000, quick: 300_000, smoke: 2_000 })
    return [
      { name: SHORT, run: () => drain(redis, ALONE, short) },
      { name: LONG, run: () => drain(redis, ALONE, long) },
    ]
  },
}

/** Drains a full queue by workers in separate processes. */
async function drain(redis: BenchRedis, { workers, partitions }: Shape, jobs: number): Promise<Sample> {
  await redis.empty()
  const client = await connect(redis.server.url)
  const queue = createQueue<BenchJobs>(client, NAME, { partitions })
  await fill({ addMany: (length) => addWork(queue, length) }, jobs)
  const args = [redis.server.url, NAME, String(partitions)]
  const children = await Promise.all(
    Array.from({ length: workers }, async () => (await startChild('worker-process.ts', args)).child),
  )
  try {
    const begun = performance.now()
    for (const child of children) child.send('start')
    await reach(jobs, async () => {
      const { ready, leased } = await queue.stats()
      return jobs - ready - leased
    })
    const rate = jobs / ((performance.now() - begun) / 1_000)
    const reports = children.map(async (child) => {
      child.send('stop')
      return (await nextMessage(child)) as { readonly runs: number; readonly memory: number }
    })
    const ended = await Promise.all(reports)
    const runs = ended.reduce((sum, report) => sum + report.runs, 0)
    expectCount('runs of the handler', runs, jobs)
    return { rate, memory: Math.max(...ended.map(({ memory }) => memory)) / 1e6 }
  } finally {
    await Promise.all(children.map(endChild))
    await client.close()
  }
}
