// Runs jobs, ten at a time, and stops without losing one.
// REDIS_URL=redis://127.0.0.1:6379 node examples/02-worker.ts
import { setTimeout as pause } from 'node:timers/promises'
import { createQueue, createWorker } from '@titan/queue-core'
import { createClient } from 'redis'

interface Jobs {
  'email.send': { to: string }
}

const redis = createClient({ url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' })
await redis.connect()
const name = process.env['QUEUE'] ?? 'example-worker'
const queue = createQueue<Jobs>(redis, name)
for (const to of ['ada', 'grace', 'barbara']) await queue.enqueue('email.send', { to })

const allDone = Promise.withResolvers<void>()
const worker = createWorker<Jobs>(
  redis,
  name,
  {
    // Returning ends the job. The signal aborts on a timeout, a lost lease and a forced stop.
    'email.send': async (job, { signal }) => {
      await pause(50, undefined, { signal })
      console.log('sent to', job.data.to)
    },
  },
  { concurrency: 10, onEvent: () => worker.counters.completed === 3 && allDone.resolve() },
)
await worker.start()
// In a service: process.once('SIGTERM', () => void worker.stop())
await allDone.promise
await worker.stop()
console.log(worker.counters.completed, 'done,', (await queue.stats()).ready, 'waiting')
await redis.close()
