import * as ioredis6 from 'ioredis'
import * as ioredis5 from 'ioredis-5'
import * as iovalkey from 'iovalkey'
import * as redis6 from 'redis'
import * as redis4 from 'redis-4'
import * as redis5 from 'redis-5'
import type { RedisClientName } from '@titan/servers'
import type { RedisClient, RedisNodeClient } from '../../src/index.ts'
import { connectTestCluster } from './cluster-clients.ts'
import { connectBehindSentinels } from './sentinel-clients.ts'

/** A connected client of some library, as a test uses it. */
export interface TestClient<Client extends RedisClient = RedisClient> {
  readonly client: Client
  /** Sends a raw command. */
  send<Reply = unknown>(...args: (string | number)[]): Promise<Reply>
  /** Drops its connections at once. */
  destroy(): Promise<void> | void
}

export interface TestClientOptions {
  /** Name of its connections. */
  readonly name?: string | undefined
  readonly RESP?: 2 | 3 | undefined
}

export type ConnectClient = (url: string, options?: TestClientOptions) => Promise<TestClient>

type NodeRedis = RedisNodeClient & { on(event: 'error', listener: () => void): unknown }

/** Tests stop servers on purpose, and clients reconnect. */
const ignore = (): void => undefined

async function connectNodeRedis(
  client: NodeRedis,
  destroy: () => Promise<void> | void,
): Promise<TestClient<RedisNodeClient>> {
  client.on('error', ignore)
  await client.connect()
  return { client, send: (...args) => client.sendCommand(args.map(String)), destroy }
}

const connectRedis6: ConnectClient = (url, { name, RESP } = {}) => {
  const client = redis6.createClient({
    url,
    ...(name !== undefined && { name }),
    ...(RESP !== undefined && { RESP }),
  })
  return connectNodeRedis(client, () => client.destroy())
}

const connectRedis5: ConnectClient = (url, { name, RESP } = {}) => {
  const client = redis5.createClient({
    url,
    ...(name !== undefined && { name }),
    ...(RESP !== undefined && { RESP }),
  })
  return connectNodeRedis(client, () => client.destroy())
}

const connectRedis4: ConnectClient = (url, { name } = {}) => {
  const client = redis4.createClient({ url, ...(name !== undefined && { name }) })
  return connectNodeRedis(client, () => client.disconnect())
}

const connectPool: ConnectClient = async (url, { name, RESP } = {}) => {
  const options = { url, ...(name !== undefined && { name }), ...(RESP !== undefined && { RESP }) }
  const client = redis6.createClientPool(options, { minimum: 1, maximum: 2 })
  client.on('error', ignore)
  await client.connect()
  return {
    client,
    send: async <Reply>(...args: (string | number)[]) =>
      (await client.sendCommand(args.map(String))) as Reply,
    destroy: () => client.destroy(),
  }
}

interface Ioredis {
  on(event: 'error', listener: () => void): unknown
  call(command: string, args: string[]): Promise<unknown>
  disconnect(): void
  readonly stream?: { destroy(): unknown }
  ping(): Promise<unknown>
}

async function connectIoredis<Client extends Ioredis & RedisClient>(
  client: Client,
): Promise<TestClient<Client>> {
  client.on('error', ignore)
  await client.ping()
  return {
    client,
    send: async <Reply>(command: string | number, ...args: (string | number)[]) =>
      (await client.call(String(command), args.map(String))) as Reply,
    destroy() {
      client.disconnect()
      client.stream?.destroy()
    },
  }
}

const connectIoredis6: ConnectClient = (url, { name, RESP = 3 } = {}) =>
  connectIoredis(new ioredis6.Redis(url, { connectionName: name, protocol: RESP }))

const connectIoredis5: ConnectClient = (url, { name } = {}) =>
  connectIoredis(new ioredis5.Redis(url, { ...(name !== undefined && { connectionName: name }) }))

const connectIovalkey: ConnectClient = (url, { name } = {}) =>
  connectIoredis(new iovalkey.Redis(url, { ...(name !== undefined && { connectionName: name }) }))

/** The clients that the library supports, by the names of `TITAN_REDIS_CLIENT`. */
export const CLIENTS: Readonly<Record<RedisClientName, ConnectClient>> = {
  'node-redis-6': connectRedis6,
  'node-redis-6-pool': connectPool,
  'node-redis-5': connectRedis5,
  'node-redis-4': connectRedis4,
  'ioredis-6': connectIoredis6,
  'ioredis-5': connectIoredis5,
  iovalkey: connectIovalkey,
}

/** Connects the client that the test run is about. */
export const connectTestClient: ConnectClient = (url, options) => {
  const name = process.env['TITAN_REDIS_CLIENT'] ?? 'node-redis-6'
  const connect = Object.entries(CLIENTS).find(([known]) => known === name)?.[1]
  if (connect === undefined)
    throw new Error(`TITAN_REDIS_CLIENT must be one of ${Object.keys(CLIENTS).join(', ')}, got "${name}"`)
  // Servers of one test alone have no Sentinels and are no cluster.
  const { TITAN_SENTINELS: sentinels, TITAN_CLUSTER: cluster, REDIS_URL: shared } = process.env
  if (url === shared && sentinels !== undefined) return connectBehindSentinels(name, options)
  if (url === shared && cluster !== undefined) return connectToCluster(cluster.split(','), options)
  return connect(url, options)
}

/** Connects to the cluster of the test run. Raw commands go to the node of the first key of a queue that they name. */
async function connectToCluster(
  ports: readonly string[],
  { name, RESP }: TestClientOptions = {},
): Promise<TestClient> {
  const urls = ports.map((port) => `redis://127.0.0.1:${port}`)
  const options = { ...(name !== undefined && { name }), ...(RESP !== undefined && { RESP }) }
  const { client, sendTo, destroy } = await connectTestCluster(urls, options)
  return {
    client,
    async send<Reply>(...given: (string | number)[]) {
      const args = given.map(String)
      const key = args.find((arg) => arg.includes('{')) ?? args[1] ?? ''
      return (await sendTo(key, ...args)) as Reply
    },
    destroy,
  }
}
