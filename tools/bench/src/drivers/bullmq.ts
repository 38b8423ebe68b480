import { Queue, UnrecoverableError, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import type { BenchRedis } from '../servers.ts'
import { PAYLOAD, type Driver, type Payload } from './driver.ts'
import { BACKOFF_MS } from './titan.ts'

/** Name of the side that most ratios are taken against. */
export const BULLMQ = 'BullMQ'

/** BullMQ, keeping nothing of done jobs, as here; it keeps failed ones, as the dead letters here. */
export function bullmq(redis: BenchRedis): Driver {
  return {
    name: BULLMQ,
    setting:
      'ioredis with automatic pipelining; done jobs removed; event log of length 0, since it has no switch',
    async open() {
      await redis.empty()
      const options = { enableAutoPipelining: true, maxRetriesPerRequest: null }
      const connection = new Redis(redis.server.url, options)
      const queue = new Queue<Payload>('bench', {
        connection,
        defaultJobOptions: {
          removeOnComplete: true,
          attempts: 5,
          backoff: { type: 'fixed', delay: BACKOFF_MS },
        },
        streams: { events: { maxLen: 0 } },
      })
      await queue.waitUntilReady()
      return {
        add(payload) {
          if (payload.dueAt === undefined) return queue.add('work', payload)
          const timestamp = Date.now()
          return queue.add('work', payload, { timestamp, delay: payload.dueAt - timestamp })
        },
        addMany: (count, { delayMs: delay = 0 } = {}) =>
          queue.addBulk(
            Array.from({ length: count }, () => ({ name: 'work', data: PAYLOAD, opts: { delay } })),
          ),
        async work({ concurrency, handle }) {
          let completed = 0
          const worker = new Worker<Payload>(
            'bench',
            async (job) => {
              await handle(job.data, { attempt: job.attemptsMade + 1, fail, giveUp })
            },
            { connection, concurrency, removeOnComplete: { count: 0 } },
          )
          worker.on('completed', () => completed++)
          worker.on('error', (error) => console.error(error))
          await worker.waitUntilReady()
          return { completed: () => completed, stop: () => worker.close() }
        },
        async counts() {
          const counts = await queue.getJobCounts('wait', 'active', 'delayed', 'prioritized', 'failed')
          const { failed = 0, ...rest } = counts
          return { waiting: Object.values(rest).reduce((sum, count) => sum + count, 0), dead: failed }
        },
        async close() {
          await queue.close()
          connection.disconnect()
        },
      }
    },
  }
}

function fail(): never {
  throw new Error('declined')
}

function giveUp(): never {
  throw new UnrecoverableError('no such account')
}
