import { describe, expect, test } from 'vitest'
import type { RedisClusterClient, RedisNodeClient } from '../src/index.ts'
import { adapterOf } from '../src/redis/clients/recognise.ts'
import { Locator } from '../src/redis/cluster-node.ts'

const node = { isReady: true } as RedisNodeClient

function clusterOf(options: RedisClusterClient['_options']): RedisClusterClient {
  return {
    isOpen: true,
    nodeByAddress: new Map([['node-1.invalid:7001', { client: node }]]),
    _options: options,
    sendCommand: () => Promise.reject(new Error('not asked')),
    getNodeClientForKey: () => Promise.resolve(node),
  }
}

const here = { host: '127.0.0.1', port: 30_005 }

test.each([
  ['a map', { nodeAddressMap: { 'node-5.invalid:7005': here } }, here],
  ['a function', { nodeAddressMap: () => here }, here],
  ['a map that does not know it', { nodeAddressMap: {} }, { host: 'node-5.invalid', port: 7005 }],
  ['no map', {}, { host: 'node-5.invalid', port: 7005 }],
  // F222 a cluster behind `nodeAddressMap` (port forwarding, Docker, NAT) fails over: workers follow `MOVED` to
  //  the address that the map gives
])('a node that took over is reached at the address that %s gives', async (_name, options, address) => {
  const locator = new Locator(adapterOf(clusterOf(options)), 'key')
  locator.moved(new Error('MOVED 42 node-5.invalid:7005'))
  expect(await locator.locate()).toMatchObject({ address })
})

describe('a node that says nothing', () => {
  const other = (reply: () => Promise<unknown>) =>
    ({ isReady: true, sendCommand: reply }) as unknown as RedisNodeClient
  const silent = other(() => new Promise(() => undefined))
  const learned: RedisNodeClient[] = []

  function clusterWith(second: RedisNodeClient): RedisClusterClient {
    learned.length = 0
    return {
      ...clusterOf({}),
      nodeByAddress: new Map([
        ['node-1.invalid:7001', { client: silent }],
        ['node-2.invalid:7002', { client: second }],
      ]),
      _slots: { rediscover: async (client: RedisNodeClient) => void learned.push(client) },
      getNodeClientForKey: () => Promise.resolve(silent),
    }
  }

  test.each([
    ['serves the key itself', () => Promise.resolve(0), 'node-2.invalid:7002'],
    [
      'names a third one',
      () => Promise.reject(new Error('MOVED 42 node-3.invalid:7003')),
      'node-3.invalid:7003',
    ],
  ])('is left when another master %s, of which the client learns', async (_name, reply, wanted) => {
    const second = other(reply)
    const locator = new Locator(adapterOf(clusterWith(second)), 'key')
    await locator.locate()
    expect(await locator.failed()).toBe(true)
    expect(learned).toEqual([second])
    const { node: place, address } = await locator.locate()
    expect(address === undefined ? place.name : `${address.host}:${address.port}`).toBe(wanted)
  })

  test('is kept while the others name it', async () => {
    const second = other(() => Promise.reject(new Error('MOVED 42 node-1.invalid:7001')))
    const locator = new Locator(adapterOf(clusterWith(second)), 'key')
    await locator.locate()
    expect(await locator.failed()).toBe(false)
    expect(learned).toEqual([])
  })
})
