import type { ChildProcess } from 'node:child_process'
import { createQueue } from '@titan/queue-core'
import { endChild, nextMessage, startChild } from '../child.ts'
import { PAYLOAD } from '../drivers/driver.ts'
import type { BenchJobs } from '../drivers/titan.ts'
import type { Scenario, Side } from '../scenario.ts'
import { openRedis, connect, type BenchRedis } from '../servers.ts'
import { expectCount, perSecond, reach } from '../work.ts'
import { amount } from './enqueue.ts'

const NAME = 'bench'
const FILL = 500
const SHAPES = [
  { workers: 1, partitions: 1 },
  { workers: 2, partitions: 1 },
  { workers: 4, partitions: 1 },
  { workers: 1, partitions: 4 },
  { workers: 4, partitions: 4 },
] as const

interface Shape {
  readonly workers: number
  readonly partitions: number
}

const nameOf = ({ workers, partitions }: Shape): string =>
  `${workers} ${workers === 1 ? 'process' : 'processes'}, ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`
const ALONE = nameOf(SHAPES[0])

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
  comparisons: SHAPES.slice(1).map((shape) => ({ metric: 'rate', of: nameOf(shape), to: ALONE })),
  rounds: 3,
  async prepare(context) {
    const redis = await openRedis(context)
    return SHAPES.map((shape) => processesSide(redis, nameOf(shape), shape, amount(context, 200_000)))
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
    const shape = { workers: 1, partitions: 1 }
    const long = context.pick({ full: 1_000_000, quick: 300_000, smoke: 2_000 })
    return [
      processesSide(redis, SHORT, shape, context.pick({ full: 10_000, quick: 10_000, smoke: 500 })),
      processesSide(redis, LONG, shape, long),
    ]
  },
}

interface Report {
  readonly runs: number
  readonly memory: number
}

function processesSide(redis: BenchRedis, name: string, shape: Shape, count: number): Side {
  return {
    name,
    async run() {
      await redis.empty()
      const client = await connect(redis.server.url)
      const queue = createQueue<BenchJobs>(client, NAME, { partitions: shape.partitions })
      const batch = Array.from({ length: FILL }, () => ({ name: 'work' as const, data: PAYLOAD }))
      const calls = Math.ceil(count / FILL)
      await perSecond(calls, 4, () => queue.enqueueMany(batch))
      const total = calls * FILL
      const children: ChildProcess[] = []
      try {
        for (let number = 0; number < shape.workers; number++) {
          const { child } = await startChild('worker-process.ts', [
            redis.server.url,
            NAME,
            String(shape.partitions),
          ])
          children.push(child)
        }
        const begun = performance.now()
        for (const child of children) child.send('start')
        await reach(total, async () => total - (await left()))
        const rate = total / ((performance.now() - begun) / 1_000)
        const reports: Report[] = []
        for (const child of children) {
          const report = nextMessage(child)
          child.send('stop')
          reports.push((await report) as Report)
        }
        const runs = reports.reduce((sum, report) => sum + report.runs, 0)
        expectCount(`${name}: runs of the handler`, runs, total)
        return { rate, memory: Math.max(...reports.map(({ memory }) => memory)) / 1e6 }
      } finally {
        await Promise.all(children.map(endChild))
        await client.close()
      }

      async function left(): Promise<number> {
        const { ready, leased } = await queue.stats()
        return ready + leased
      }
    },
  }
}
