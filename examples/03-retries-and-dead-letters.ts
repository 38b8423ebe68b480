// Throwing means trying again; what cannot succeed becomes a dead letter, and comes back when its cause is mended.
// REDIS_URL=redis://127.0.0.1:6379 node examples/03-retries-and-dead-letters.ts
import { setTimeout as pause } from 'node:timers/promises'
import { createQueue, createWorker, exponential, RetryError, UnrecoverableError } from '@titan/queue-core'
import { createClient } from 'redis'

interface Jobs {
  import: { file: string }
}

const redis = createClient({ url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' })
await redis.connect()
const name = process.env['QUEUE'] ?? 'example-retries'
const queue = createQueue<Jobs>(redis, name)
let mended = false
const worker = createWorker<Jobs>(
  redis,
  name,
  {
    import: async ({ data: { file }, attempt }) => {
      if (file === 'busy.csv' && attempt === 1) throw new RetryError('busy', { delayMs: 20 })
      if (file === 'broken.csv' && !mended) throw new UnrecoverableError('not a table')
      if (file === 'gone.csv' && !mended) throw new Error('no such file')
      console.log('imported', file, 'in attempt', attempt)
    },
  },
  // Without a listener, dead letters warn on the console.
  { maxAttempts: 3, backoff: exponential({ baseMs: 10, maxMs: 1_000 }), onEvent: () => undefined },
)
for (const file of ['busy.csv', 'broken.csv', 'gone.csv']) await queue.enqueue('import', { file })
await worker.start()

while ((await queue.stats()).dead < 2) await pause(20)
const deadLetters = (await queue.deadLetters()).toSorted((a, b) => a.failures - b.failures)
for (const { cause, error, failures } of deadLetters) console.log('dead:', cause, '-', error, '-', failures)
mended = true
console.log('redriven', (await queue.redrive({ filter: (letter) => letter.name === 'import' })).redriven)
while (worker.counters.completed < 3) await pause(20)
await worker.stop()
await redis.close()
