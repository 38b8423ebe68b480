// A queue of BullMQ with a few jobs, for `titan import-bullmq` to move: docs/how-to/move-from-bullmq.md.
// REDIS_URL=redis://127.0.0.1:6379 node examples/09-bullmq-queue.ts
import { Queue } from 'bullmq'

const { hostname, port } = new URL(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379')
const connection = { host: hostname, port: Number(port || 6379) }
const queue = new Queue(process.env['QUEUE'] ?? 'emails', { connection })

await queue.add('welcome', { to: 'ada@example.com' })
await queue.add(
  'welcome',
  { to: 'grace@example.com' },
  { jobId: 'welcome-grace', attempts: 3, backoff: 1_000 },
)
await queue.add('alert', { to: 'barbara@example.com' }, { priority: 1 })
await queue.add('reminder', { to: 'ada@example.com' }, { delay: 3_600_000 })
await queue.upsertJobScheduler(
  'monthly',
  { pattern: '0 6 1 * *', tz: 'Europe/Vienna' },
  { name: 'invoice', data: { customer: 'all' } },
)

const { waiting, prioritized, delayed } = await queue.getJobCounts()
console.log(`waiting ${waiting}, prioritized ${prioritized}, delayed ${delayed}`)
await queue.close()
