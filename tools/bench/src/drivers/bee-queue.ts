import Queue from 'bee-queue'
import type { BenchRedis } from '../servers.ts'
import { PAYLOAD, unsupported, type Driver, type Payload } from './driver.ts'

/** Bee-Queue, with everything off that is not needed to add and run jobs. */
export function beeQueue(redis: BenchRedis): Driver {
  return {
    name: 'Bee-Queue',
    setting: 'no events, jobs not kept in memory, done jobs removed',
    async open() {
      await redis.empty()
      const common = {
        redis: { host: '127.0.0.1', port: redis.server.port },
        getEvents: false,
        sendEvents: false,
        storeJobs: false,
        removeOnSuccess: true,
      }
      const queue = new Queue<Payload>('bench', { ...common, isWorker: false })
      await queue.ready()
      return {
        add: (payload) => queue.createJob(payload).save(),
        async addMany(count) {
          const errors = await queue.saveAll(Array.from({ length: count }, () => queue.createJob(PAYLOAD)))
          for (const error of errors.values()) throw error
        },
        async work({ concurrency, handle }) {
          let completed = 0
          const worker = new Queue<Payload>('bench', common)
          await worker.ready()
          worker.on('succeeded', () => completed++)
          worker.on('error', (error) => console.error(error))
          worker.process(concurrency, async (job: { readonly data: Payload }) => {
            await handle(job.data, unsupported)
          })
          return { completed: () => completed, stop: () => worker.close(1_000) }
        },
        async counts() {
          const { waiting, active, failed, delayed } = await queue.checkHealth()
          return { waiting: waiting + active + (delayed ?? 0), dead: failed }
        },
        close: () => queue.close(1_000),
      }
    },
  }
}
