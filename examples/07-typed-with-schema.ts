// One schema per job types and checks its data, when it is enqueued and again before its handler runs.
// REDIS_URL=redis://127.0.0.1:6379 node examples/07-typed-with-schema.ts
import { createQueue, createWorker, QueueError } from '@titan/queue-core'
import { createClient } from 'redis'
import * as v from 'valibot'

// Any Standard Schema will do: valibot, zod, arktype, …
const schemas = {
  transfer: v.object({ cents: v.pipe(v.number(), v.integer(), v.minValue(1)), to: v.string() }),
}
type Jobs = { [Name in keyof typeof schemas]: v.InferOutput<(typeof schemas)[Name]> }

const redis = createClient({ url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' })
await redis.connect()
const name = process.env['QUEUE'] ?? 'example-schema'
const queue = createQueue<Jobs>(redis, name, { schemas })

try {
  await queue.enqueue('transfer', { cents: 2.5, to: 'ada' })
} catch (error) {
  if (error instanceof QueueError) console.log(error.code, '-', error.message)
}
// @ts-expect-error -- a wrong type does not even compile
await queue.enqueue('transfer', { cents: '5', to: 'ada' }).catch(() => console.log('refused too'))

await queue.enqueue('transfer', { cents: 500, to: 'ada' })
const done = Promise.withResolvers<void>()
const worker = createWorker<Jobs>(
  redis,
  name,
  { transfer: ({ data }) => (console.log(data.cents + 0, 'cents to', data.to), done.resolve()) },
  { schemas },
)
await worker.start()
await done.promise
await worker.stop()
await redis.close()
