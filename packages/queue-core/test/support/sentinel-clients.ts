import * as ioredis6 from 'ioredis'
import * as ioredis5 from 'ioredis-5'
import * as iovalkey from 'iovalkey'
import * as redis6 from 'redis'
import * as redis5 from 'redis-5'
import type { IoredisClient, RedisClient, RedisNodeClient, RedisSentinelClient } from '../../src/index.ts'
import type { TestClient, TestClientOptions } from './clients.ts'

/** A connected client that asks Sentinels for the master, as a test uses it. */
export interface SentinelClient {
  readonly client: RedisClient
  /** The connection to the master that is used now, to be compared; undefined while there is none. */
  connection(): Promise<unknown>
  /** Sends a raw command to the master. */
  send(...args: string[]): Promise<unknown>
  destroy(): Promise<void> | void
}

/** What a client needs to know of a trio. */
interface Sentinels {
  readonly masterName: string
  readonly sentinels: readonly { readonly port: number }[]
}

type ConnectSentinel = (trio: Sentinels, options?: TestClientOptions) => Promise<SentinelClient>

const ignore = (): void => undefined
const rootsOf = ({ sentinels }: Sentinels) => sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))

async function ofNodeRedis(
  client: RedisSentinelClient & {
    on(event: 'error', listener: () => void): unknown
    connect(): Promise<unknown>
    destroy(): Promise<void>
  },
): Promise<SentinelClient> {
  client.on('error', ignore)
  await client.connect()
  const use = <Result>(run: (master: RedisNodeClient) => Promise<Result>): Promise<Result> =>
    // oxlint-disable-next-line no-underscore-dangle -- the same connection as the library's
    client._execute(false, run)
  return {
    client,
    connection: () => use((master) => Promise.resolve(master)),
    send: (...args) => use((master) => master.sendCommand(args)),
    destroy: () => client.destroy(),
  }
}

async function ofIoredis(
  client: IoredisClient & { on(event: 'error', listener: () => void): unknown; ping(): Promise<unknown> },
): Promise<SentinelClient> {
  client.on('error', ignore)
  await client.ping()
  return {
    client,
    connection: () => Promise.resolve(client.stream),
    send: (command = '', ...args) => client.call(command, args),
    destroy: () => client.disconnect(),
  }
}

/** Options of node-redis, as the README has them. */
const askingOf = (trio: Sentinels, { name, RESP }: TestClientOptions) => ({
  name: trio.masterName,
  sentinelRootNodes: rootsOf(trio),
  sentinelClientOptions: { pingInterval: 500, socket: { connectTimeout: 1_000, socketTimeout: 1_000 } },
  scanInterval: 5_000,
  ...(name !== undefined && { nodeClientOptions: { name } }),
  ...(RESP !== undefined && { RESP }),
})

/** Options of ioredis and iovalkey. */
const optionsOf = (trio: Sentinels, { name, RESP }: TestClientOptions) => ({
  ...(name !== undefined && { connectionName: name }),
  ...(RESP !== undefined && { protocol: RESP }),
  sentinels: rootsOf(trio),
  name: trio.masterName,
  failoverDetector: true,
  sentinelCommandTimeout: 2_000,
})

/** The clients of Sentinels that the library supports. */
export const SENTINEL_CLIENTS = {
  'node-redis-6': (trio, options = {}) => ofNodeRedis(redis6.createSentinel(askingOf(trio, options))),
  'node-redis-5': (trio, options = {}) => ofNodeRedis(redis5.createSentinel(askingOf(trio, options))),
  'ioredis-6': (trio, options = {}) => ofIoredis(new ioredis6.Redis(optionsOf(trio, options))),
  'ioredis-5': (trio, options = {}) => ofIoredis(new ioredis5.Redis(optionsOf(trio, options))),
  iovalkey: (trio, options = {}) => ofIoredis(new iovalkey.Redis(optionsOf(trio, options))),
} satisfies Readonly<Record<string, ConnectSentinel>>

/** Connects behind the Sentinels of the test run, `<master>,<port>,…` in `TITAN_SENTINELS`. */
export async function connectBehindSentinels(
  name: string,
  options: TestClientOptions = {},
): Promise<TestClient> {
  const [masterName = '', ...ports] = (process.env['TITAN_SENTINELS'] ?? '').split(',')
  const clients: Readonly<Record<string, ConnectSentinel>> = SENTINEL_CLIENTS
  const connect = clients[name]
  if (connect === undefined) throw new Error(`${name} cannot ask Sentinels`)
  const sentinels = ports.map((port) => ({ port: Number(port) }))
  const { client, send, destroy } = await connect({ masterName, sentinels }, options)
  return {
    client,
    send: async <Reply>(...args: (string | number)[]) => (await send(...args.map(String))) as Reply,
    destroy,
  }
}
