import * as ioredis6 from 'ioredis'
import * as ioredis5 from 'ioredis-5'
import * as iovalkey from 'iovalkey'
import * as redis6 from 'redis'
import type { IoredisClusterClient, RedisClient } from '../../src/index.ts'
import { makeCommand } from '../../src/redis/clients/ioredis.ts'

/** A connected cluster client of some library, as a test uses it. */
export interface ClusterClient {
  readonly client: RedisClient
  /** Sends a raw command over the connection that is used for a key. */
  sendTo(key: string, ...args: string[]): Promise<unknown>
  destroy(): void
}

export interface ClusterOptions {
  /** Name of its connections. @default 'test' */
  readonly name?: string
  readonly RESP?: 2 | 3
  /** Whether it refreshes its view of the cluster when it cannot reconnect to a node. @default true */
  readonly refreshes?: boolean
}

type ConnectCluster = (urls: readonly string[], options?: ClusterOptions) => Promise<ClusterClient>

const ignore = (): void => undefined

const connectRedis6: ConnectCluster = async (urls, { name = 'test', RESP, refreshes = true } = {}) => {
  const client = redis6.createCluster({
    rootNodes: urls.map((url) => ({ url })),
    defaults: { name },
    ...(RESP !== undefined && { RESP }),
    ...(refreshes ? {} : { topologyRefreshOnReconnectionAttemptStrategy: false as const }),
  })
  client.on('error', ignore)
  await client.connect()
  return {
    client,
    sendTo: async (key, ...args) => (await client.getNodeClientForKey(key)).sendCommand(args),
    destroy: () => client.destroy(),
  }
}

async function ofIoredis(
  client: IoredisClusterClient & {
    on(event: 'error', listener: () => void): unknown
    ping(): Promise<unknown>
    disconnect(): void
  },
): Promise<ClusterClient> {
  client.on('error', ignore)
  await client.ping()
  return {
    client,
    async sendTo(key, ...args) {
      const command = makeCommand(client, args)
      command.slot = makeCommand(client, ['exists', key]).getSlot()
      client.sendCommand(command)
      return command.promise
    },
    destroy: () => client.disconnect(),
  }
}

const hostsOf = (urls: readonly string[]): { host: string; port: number }[] =>
  urls.map((url) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) }))

/** The cluster clients that the library supports, by the names of `TITAN_REDIS_CLIENT`. */
export const CLUSTER_CLIENTS: Readonly<Record<string, ConnectCluster>> = {
  'node-redis-6': connectRedis6,
  'ioredis-6': (urls, { name = 'test' } = {}) =>
    ofIoredis(new ioredis6.Cluster(hostsOf(urls), { redisOptions: { connectionName: name } })),
  'ioredis-5': (urls, { name = 'test' } = {}) =>
    ofIoredis(new ioredis5.Cluster(hostsOf(urls), { redisOptions: { connectionName: name } })),
  iovalkey: (urls, { name = 'test' } = {}) =>
    ofIoredis(new iovalkey.Cluster(hostsOf(urls), { redisOptions: { connectionName: name } })),
}

/** Connects the cluster client that the test run is about. */
export const connectTestCluster: ConnectCluster = (urls, options) =>
  (CLUSTER_CLIENTS[process.env['TITAN_REDIS_CLIENT'] ?? ''] ?? connectRedis6)(urls, options)
