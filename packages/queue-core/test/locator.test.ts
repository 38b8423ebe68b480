import { expect, test } from 'vitest'
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
