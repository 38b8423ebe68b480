import { createQueue, createWorker, fixed, UnrecoverableError } from '@titan/queue-core'
import { connect, type BenchRedis } from '../servers.ts'
import { PAYLOAD, type Driver, type Payload } from './driver.ts'

/** The jobs of all scenarios. */
export interface BenchJobs {
  readonly work: Payload
}

/** Name of the side everything is compared with. */
export const TITAN = 'Titan'

/** The same with the producer's ids: deduplicated while they live and for a day after. */
export const TITAN_IDS = 'Titan with ids'

/** Retries after this long, on all sides. */
export const BACKOFF_MS = 1

/** Returns this queue, with its defaults. */
export function titan(redis: BenchRedis, { withIds = false } = {}): Driver {
  let serial = 0
  const newId = (): { id?: string } => (withIds ? { id: `charge-${(serial++).toString(36)}` } : {})
  return {
    name: withIds ? TITAN_IDS : TITAN,
    setting: withIds ? 'ids by the producer, remembered for a day' : 'defaults; nothing is kept of done jobs',
    async open() {
      await redis.empty()
      const client = await connect(redis.server.url)
      const queue = createQueue<BenchJobs>(client, 'bench')
      return {
        add: (payload) =>
          queue.enqueue('work', payload, { ...newId(), ...(payload.dueAt && { runAt: payload.dueAt }) }),
        addMany: (count, { delayMs } = {}) =>
          queue.enqueueMany(
            Array.from({ length: count }, () => ({
              name: 'work' as const,
              data: PAYLOAD,
              ...newId(),
              ...(delayMs && { delayMs }),
            })),
          ),
        async work({ concurrency, handle }) {
          const worker = createWorker<BenchJobs>(
            client,
            'bench',
            { work: (job) => handle(job.data, { attempt: job.attempt, fail, giveUp }) },
            { concurrency, backoff: fixed(BACKOFF_MS) },
          )
          await worker.start()
          return { completed: () => worker.counters.completed, stop: () => worker.stop() }
        },
        async counts() {
          const { ready, leased, delayed, parked, dead } = await queue.stats()
          return { waiting: ready + leased + delayed + parked, dead }
        },
        async close() {
          await queue.close()
          await client.close()
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
