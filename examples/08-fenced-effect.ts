// Delivery is at least once, so two workers may run one job. The fence lets a store refuse the stale one.
// REDIS_URL=redis://127.0.0.1:6379 node examples/08-fenced-effect.ts
import { createConsumer, createQueue, type Fence } from '@titan/queue-core'
import { createClient } from 'redis'

interface Jobs {
  publish: { page: string }
}

/** A greater fence is a later delivery: first by the entry id's two numbers, then by the delivery count. */
function isNewer(a: Fence, b: Fence): boolean {
  const parts = ({ entryId, deliveryCount }: Fence) => [...entryId.split('-').map(Number), deliveryCount]
  const [left, right] = [parts(a), parts(b)]
  const at = left.findIndex((part, index) => part !== right[index])
  return at >= 0 && (left[at] ?? 0) > (right[at] ?? 0)
}

/** Stands for a table: `update … where fence < :fence`, in one statement. */
const store = new Map<string, { text: string; fence: Fence }>()
function write(page: string, text: string, fence: Fence): boolean {
  const row = store.get(page)
  if (row !== undefined && isNewer(row.fence, fence)) return false
  return store.set(page, { text, fence }).has(page)
}

const redis = createClient({ url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' })
await redis.connect()
const name = process.env['QUEUE'] ?? 'example-fence'
await createQueue<Jobs>(redis, name).enqueue('publish', { page: 'home' })
const [slow, quick] = [1, 2].map(() => createConsumer<Jobs>(redis, name, { visibilityMs: 200 }))

const [stale] = await slow!.claim() // … and then the slow worker hangs: a long pause, a dead network.
const [fresh] = await quick!.claim({ blockMs: 5_000 })
console.log('quick writes:', write('home', 'by quick', fresh!.fence))
console.log('slow writes:', write('home', 'by slow', stale!.fence), '- the page is', store.get('home')?.text)
await slow!.ack(stale!).catch((error) => console.log('slow acks:', error.code))
await quick!.ack(fresh!)
await Promise.all([slow!.close(), quick!.close(), redis.close()])
