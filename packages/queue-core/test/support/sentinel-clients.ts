import type { SentinelTrio } from '@titan/servers/topologies'
import * as ioredis6 from 'ioredis'
import * as ioredis5 from 'ioredis-5'
import * as iovalkey from 'iovalkey'
import * as redis6 from 'redis'
import * as redis5 from 'redis-5'
import type { IoredisClient, RedisClient, RedisNodeClient, RedisSentinelClient } from '../../src/index.ts'

/** A connected client that asks Sentinels for the master, as a test uses it. */
export interface SentinelClient {
  readonly client: RedisClient
  /** The connection to the master that is used now, to be compared; undefined while there is none. */
  connection(): Promise<unknown>
  /** Sends a raw command to the master. */
  send(...args: string[]): Promise<unknown>
  destroy(): unknown
}

type ConnectSentinel = (trio: SentinelTrio) => Promise<SentinelClient>

const ignore = (): void => undefined
const rootsOf = ({ sentinels }: SentinelTrio) => sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))

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

const optionsOf = (trio: SentinelTrio) => ({
  sentinels: rootsOf(trio),
  name: trio.masterName,
  failoverDetector: true,
  sentinelCommandTimeout: 2_000,
})

/** The clients of Sentinels that the library supports. */
export const SENTINEL_CLIENTS = {
  'node-redis-6': (trio) =>
    ofNodeRedis(
      redis6.createSentinel({ name: trio.masterName, sentinelRootNodes: rootsOf(trio), scanInterval: 1_000 }),
    ),
  'node-redis-5': (trio) =>
    ofNodeRedis(
      redis5.createSentinel({ name: trio.masterName, sentinelRootNodes: rootsOf(trio), scanInterval: 1_000 }),
    ),
  'ioredis-6': (trio) => ofIoredis(new ioredis6.Redis(optionsOf(trio))),
  'ioredis-5': (trio) => ofIoredis(new ioredis5.Redis(optionsOf(trio))),
  iovalkey: (trio) => ofIoredis(new iovalkey.Redis(optionsOf(trio))),
} satisfies Readonly<Record<string, ConnectSentinel>>
