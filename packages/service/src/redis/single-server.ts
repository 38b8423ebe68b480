import { isInstance } from '@titan/queue-core/text-of'
import { createClient, ErrorReply, type RedisClientType } from 'redis'
import { pauseBefore } from '../connect.ts'
import type { Log } from '../log.ts'
import { Failure } from '../program.ts'
import { addressOf } from '../server-url.ts'
import { OutageLog } from './outage-log.ts'
import type { Redis, RedisMaster, RedisOptions } from './redis.ts'
import { isWritable, watchRedis } from './watch.ts'

/** One server, or one address that leads to the primary. */
export class SingleServer implements Redis {
  readonly client: RedisClientType
  readonly #url: string
  readonly #outages: OutageLog

  constructor(url: string, log: Log, { acceptsReplica = false }: RedisOptions) {
    this.#url = url
    this.#outages = new OutageLog(url, log)
    this.client = createClient({
      url,
      disableOfflineQueue: true,
      socket: { connectTimeout: 2_000, reconnectStrategy: pauseBefore },
    })
    this.client.on('error', (error: unknown) => this.#outages.lost(error))
    watchRedis(this.client, { acceptsReplica, onUsable: () => this.#outages.back() })
  }

  send<Reply>(_key: string, args: string[]): Promise<Reply> {
    return this.client.sendCommand<Reply>(args)
  }

  masters(): Promise<readonly RedisMaster[]> {
    const send = <Reply>(args: string[]): Promise<Reply> => this.client.sendCommand<Reply>(args)
    return Promise.resolve([{ name: addressOf(this.#url), send }])
  }

  sentinels(): [] {
    return []
  }

  isWritable(): boolean {
    return isWritable(this.client)
  }

  connect(timeoutMs?: number): Promise<void> {
    const connect = async (): Promise<void> => {
      await this.client.connect()
      await requireSingleServer(this.client, addressOf(this.#url))
    }
    return this.#outages.limit(timeoutMs, connect, () => this.client.destroy())
  }

  close(): void {
    if (this.client.isOpen) this.client.destroy()
  }
}

/**
 * Requires a single server. Where INFO is forbidden, the first refusal shows it.
 *
 * @throws Failure for a Sentinel, and for a node that is not the whole of its cluster
 */
export async function requireSingleServer(redis: RedisClientType, address: string): Promise<void> {
  const ask = (...command: string[]): Promise<string> =>
    redis.sendCommand<string>(command).catch((error: unknown) => {
      if (isInstance(error, ErrorReply)) return ''
      throw error
    })
  const facts = await ask('INFO')
  if (/^redis_mode:sentinel/m.test(facts))
    throw new Failure(
      `REDIS_URL must point at the primary: ${address} is a Sentinel, which holds no data. Write redis+sentinel://${address}/ and the name of the master`,
    )
  if (!/^cluster_enabled:1/m.test(facts)) return
  const masters = Number(/^cluster_size:(\d+)/m.exec(await ask('CLUSTER', 'INFO'))?.[1] ?? 1)
  if (masters > 1)
    throw new Failure(
      `REDIS_URL must point at a single server: ${address} is a node of a cluster of ${masters} masters. Write redis+cluster://${address}`,
    )
}
