import { connect, type BenchRedis } from '../servers.ts'
import { PAYLOAD, unsupported, type Driver, type Payload } from './driver.ts'

const KEY = 'bench'

const LIBRARY = `#!lua name=bench
redis.register_function('bench_add', function(keys, args)
  return redis.call('XADD', keys[1], '*', 'd', args[1])
end)
redis.register_function('bench_next', function(keys, args)
  if args[1] ~= '' then
    redis.call('XACK', keys[1], 'workers', args[1])
    redis.call('XDEL', keys[1], args[1])
  end
  local reply = redis.call('XREADGROUP', 'GROUP', 'workers', 'one', 'COUNT', 1, 'STREAMS', keys[1], '>')
  return reply and reply[1][2][1]
end)`

type Next = [entryId: string, fields: [string, string]] | null

/**
 * The design of several queues on Redis Functions, at its barest: one call adds a job, one call ends a job and takes
 * the next. No retries, no renewal, no recovery, so it shows what calls per job cost, not what a product does.
 */
export function functionPerJob(redis: BenchRedis): Driver {
  return {
    name: 'One function call per job',
    setting: 'a stream; no retries, no leases; node-redis pipelines the calls of a turn',
    async open() {
      await redis.empty()
      const client = await connect(redis.server.url)
      await client.functionLoad(LIBRARY, { REPLACE: true })
      await client.xGroupCreate(KEY, 'workers', '0', { MKSTREAM: true })
      const add = (payload: Payload): Promise<unknown> =>
        client.fCall('bench_add', { keys: [KEY], arguments: [JSON.stringify(payload)] })
      return {
        add,
        addMany: (count) => Promise.all(Array.from({ length: count }, () => add(PAYLOAD))),
        async work({ concurrency, handle }) {
          let completed = 0
          let isStopping = false
          async function lane(): Promise<void> {
            let done = ''
            while (!isStopping) {
              const next = (await client.fCall('bench_next', { keys: [KEY], arguments: [done] })) as Next
              if (done !== '') completed++
              done = ''
              // It does not wait for jobs: the backlog is there before it starts.
              if (next === null) return
              await handle(JSON.parse(next[1][1]) as Payload, unsupported)
              done = next[0]
            }
          }
          const lanes = Promise.all(Array.from({ length: concurrency }, lane))
          return {
            completed: () => completed,
            async stop() {
              isStopping = true
              await lanes
            },
          }
        },
        counts: async () => ({ waiting: await client.xLen(KEY), dead: 0 }),
        close: () => client.close(),
      }
    },
  }
}
