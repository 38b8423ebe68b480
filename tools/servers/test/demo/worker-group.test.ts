import { createClient } from 'redis'
import { expect, onTestFinished, test } from 'vitest'
import { workerGroupArgs } from '../../src/demo/worker-group.ts'
import { startRedis } from '../../src/redis.ts'

// F269 `titan-worker` and `start` on the same servers, a data folder whose queue has another consumer group:
//  both use the group `workers`; `start` continues the group that there is
test('workers continue the consumer group that Redis holds, else the default of titan-worker', async () => {
  const server = await startRedis()
  onTestFinished(async () => await server.stop())
  expect(await workerGroupArgs(server.url, {})).toEqual([])

  const client = createClient({ url: server.url })
  await client.connect()
  onTestFinished(() => client.destroy())
  await client.xGroupCreate('titan:{payments}:jobs', 'g1', '0', { MKSTREAM: true })
  expect(await workerGroupArgs(server.url, {})).toEqual(['--group', 'g1'])
  expect(await workerGroupArgs(server.url, { QUEUE_PREFIX: 'other' })).toEqual([])
  expect(await workerGroupArgs(server.url, { WORKER_GROUP: 'mine' })).toEqual([])
})

test('a Redis that cannot be reached is left to the worker to report', async () => {
  expect(await workerGroupArgs('redis://127.0.0.1:1', {})).toEqual([])
})
