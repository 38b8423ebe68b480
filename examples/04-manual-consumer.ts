// A worker of one's own: claim, renew, settle. What createWorker does beyond this is speed and bookkeeping.
// REDIS_URL=redis://127.0.0.1:6379 node examples/04-manual-consumer.ts
import { createConsumer, createQueue, exponential, type Lease } from '@titan/queue-core'
import { createClient } from 'redis'

interface Jobs {
  resize: { image: string }
}

const redis = createClient({ url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' })
await redis.connect()
const name = process.env['QUEUE'] ?? 'example-consumer'
const queue = createQueue<Jobs>(redis, name)
const consumer = createConsumer<Jobs>(redis, name, { visibilityMs: 10_000, maxAttempts: 2 })
const backoff = exponential({ baseMs: 10 })

async function resize({ data, attempt }: Lease<Jobs>['job']): Promise<void> {
  if (data.image === 'torn.png') throw new Error('not an image')
  console.log('resized', data.image, 'in attempt', attempt)
}

async function work(lease: Lease<Jobs>): Promise<void> {
  const { job, visibilityMs } = lease
  const renewing = setInterval(() => void consumer.renew([lease]).catch(console.error), visibilityMs / 3)
  const failure = await resize(job)
    .then(() => undefined, String)
    .finally(() => clearInterval(renewing))
  if (failure === undefined) return consumer.ack(lease)
  if (job.attempt >= job.maxAttempts) return consumer.deadLetter(lease, { reason: failure })
  return consumer.retry(lease, { delayMs: backoff(job.attempt), reason: failure })
}

for (const image of ['cat.png', 'torn.png', 'dog.png']) await queue.enqueue('resize', { image })
while ((await queue.stats()).dead === 0)
  // A lost lease rejects with LEASE_LOST: another consumer has the job, and nothing was changed.
  await Promise.allSettled((await consumer.claim({ count: 10, blockMs: 1_000 })).map(work))
await consumer.close()
console.log('dead:', (await queue.deadLetters()).map((letter) => letter.error).join())
await redis.close()
