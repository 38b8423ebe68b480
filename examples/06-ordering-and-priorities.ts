// Jobs of one ordering key run one at a time, in order; a high priority overtakes a backlog.
// REDIS_URL=redis://127.0.0.1:6379 node examples/06-ordering-and-priorities.ts
import { setTimeout as pause } from 'node:timers/promises'
import { createQueue, createWorker } from '@titan/queue-core'
import { createClient } from 'redis'

interface Jobs {
  'account.change': { account: string; step: number }
  alert: { text: string }
}

const redis = createClient({ url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' })
await redis.connect()
const name = process.env['QUEUE'] ?? 'example-ordering'
const queue = createQueue<Jobs>(redis, name)

for (let step = 1; step <= 4; step++)
  for (const account of ['ada', 'grace'])
    await queue.enqueue('account.change', { account, step }, { orderingKey: account })
await queue.enqueue('alert', { text: 'fire' }, { priority: 'high' })

const log: string[] = []
const worker = createWorker<Jobs>(
  redis,
  name,
  {
    'account.change': async ({ data: { account, step } }) => {
      await pause(step === 1 ? 30 : 1) // A slow first step is not overtaken.
      log.push(`${account} ${step}`)
    },
    alert: ({ data }) => console.log('alert first:', data.text, '- changes so far:', log.length),
  },
  { concurrency: 8 },
)
await worker.start()
while (log.length < 8) await pause(10)
await worker.stop()
for (const account of ['ada', 'grace']) console.log(log.filter((line) => line.startsWith(account)).join(', '))
await redis.close()
