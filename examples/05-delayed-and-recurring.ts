// Jobs for later: after a while, at a time, again and again. Redis keeps the time, so no clock has to agree.
// REDIS_URL=redis://127.0.0.1:6379 node examples/05-delayed-and-recurring.ts
import { createQueue, createWorker } from '@titan/queue-core'
import { createClient } from 'redis'

interface Jobs {
  remind: { about: string }
  tick: { of: string }
}

const redis = createClient({ url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' })
await redis.connect()
const name = process.env['QUEUE'] ?? 'example-delayed'
const queue = createQueue<Jobs>(redis, name)

await queue.enqueue('remind', { about: 'lunch' }, { delayMs: 100 })
const tea = await queue.enqueue('remind', { about: 'tea' }, { delayMs: 3_600_000 })
const nap = await queue.enqueue('remind', { about: 'a nap' }, { runAt: Date.now() + 3_600_000 })
console.log('tea', await queue.reschedule(tea.id, { delayMs: 200 }))
console.log('nap', await queue.cancel(nap.id))

// Fires once per slot, however many workers run. Five fields are minutes to weekdays, six begin with seconds.
await queue.schedule('clock', { cron: '* * * * * *', timeZone: 'Europe/Vienna' }, 'tick', { of: 'the clock' })

const seen = new Set<string>()
const allSeen = Promise.withResolvers<void>()
const see = (what: string): void => {
  if (!seen.has(what)) console.log(what)
  if (seen.add(what).size === 3) allSeen.resolve()
}
const worker = createWorker<Jobs>(redis, name, {
  remind: ({ data }) => see(`time for ${data.about}`),
  tick: ({ data }) => see(`tick of ${data.of}`),
})
await worker.start()
await allSeen.promise
console.log('unscheduled', await queue.unschedule('clock'))
await worker.stop()
await redis.close()
