// Adds jobs: plain, with options, deduplicated, many in one round trip.
// REDIS_URL=redis://127.0.0.1:6379 node examples/01-enqueue.ts
import { createQueue } from '@titan/queue-core'
import { createClient } from 'redis'

/** Every job of the queue: its name and its data. */
interface Jobs {
  'email.send': { to: string }
  'report.build': { month: string }
}

const redis = createClient({ url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' })
await redis.connect()
const queue = createQueue<Jobs>(redis, process.env['QUEUE'] ?? 'example-enqueue')

await queue.enqueue('email.send', { to: 'ada@example.com' })
await queue.enqueue('report.build', { month: '2026-11' }, { delayMs: 60_000, priority: 'low' })

// The id makes it safe to try again: while such a job is alive, and for a day after it is done, nothing is added.
const welcome = { id: 'welcome-grace' }
console.log('first', (await queue.enqueue('email.send', { to: 'grace@example.com' }, welcome)).duplicate)
console.log('again', (await queue.enqueue('email.send', { to: 'grace@example.com' }, welcome)).duplicate)

const many = Array.from({ length: 1_000 }, (_none, n) => ({
  name: 'email.send' as const,
  data: { to: `reader-${n}@example.com` },
}))
await queue.enqueueMany(many)

const { ready, delayed } = await queue.stats()
console.log({ ready, delayed })

await queue.close()
await redis.close()
