// The program that each consumer compiles, bundles or tests: a job that is done, and one that cannot be.

import { createQueue, createWorker, QueueError, UnrecoverableError } from '@titan/queue-core'
import { pause } from '@titan/queue-core/async'
import { recordEvents, waitForStats } from '@titan/queue-core/testing'
import { createClient } from 'redis'

interface Jobs {
  greet: { name: string }
  fail: number
}

/** Runs the jobs in a fresh queue and tells what became of them. */
export async function runJobs(
  Unrecoverable: typeof UnrecoverableError = UnrecoverableError,
): Promise<string> {
  const redis = createClient({ url: process.env.REDIS_URL as string })
  redis.on('error', console.error)
  await redis.connect()
  const prefix = `install-${process.pid}-${Date.now()}`
  const queue = createQueue<Jobs>(redis, 'jobs', { prefix })
  const recorder = recordEvents()
  const greeted: string[] = []
  const worker = createWorker<Jobs>(
    redis,
    'jobs',
    {
      greet: async (job) => {
        await pause(1, new AbortController().signal)
        greeted.push(job.data.name)
      },
      fail: () => {
        throw new Unrecoverable('no such job')
      },
    },
    { prefix, onEvent: recorder.onEvent },
  )
  await worker.start()
  await queue.enqueue('greet', { name: 'Ada' }, { id: 'ada' })
  await queue.enqueue('fail', 1)
  const { cause } = await recorder.waitFor('deadLettered')
  await waitForStats(queue, ({ ready, leased }) => ready + leased === 0)
  // @ts-expect-error -- data of another type: the types were found
  const refusal: unknown = await queue.enqueue('greet', 5, { id: '' }).catch((error: unknown) => error)
  await worker.stop()
  await redis.close()
  const code = refusal instanceof QueueError ? refusal.code : 'none'
  return `greeted ${greeted.join()}, dead: ${cause}, refused: ${code}`
}
