import type { Log } from '../log.ts'
import { FollowingClient } from './following-client.ts'
import { OutageLog } from './outage-log.ts'
import type { Redis, RedisMaster, SentinelReport } from './redis.ts'
import { Sentinels } from './sentinels.ts'
import { requireSingleServer } from './single-server.ts'
import type { RedisPlace } from './place.ts'

/** The master that Sentinels name. */
export class BehindSentinels implements Redis {
  readonly client: FollowingClient
  readonly #outages: OutageLog
  readonly #sentinels: Sentinels

  constructor(url: string, place: Extract<RedisPlace, { readonly kind: 'sentinel' }>, log: Log) {
    const outages = new OutageLog(url, log)
    this.#outages = outages
    const onLost = (error: unknown): void => outages.lost(error)
    const { login, database, isTls } = place
    this.client = new FollowingClient({ login, database, isTls, onLost, onUsable: () => outages.back() })
    this.#sentinels = new Sentinels({
      place,
      log,
      onMaster: (address) => this.client.follow(address),
      onUnknown: onLost,
    })
  }

  send<Reply>(_key: string, args: string[]): Promise<Reply> {
    return this.client.sendCommand<Reply>(args)
  }

  masters(): Promise<readonly RedisMaster[]> {
    const send = <Reply>(args: string[]): Promise<Reply> => this.client.sendCommand<Reply>(args)
    return Promise.resolve([{ name: this.client.name, send }])
  }

  sentinels(): readonly SentinelReport[] {
    return this.#sentinels.reports()
  }

  isWritable(): boolean {
    return this.client.isWritable
  }

  connect(timeoutMs?: number): Promise<void> {
    const connect = async (): Promise<void> => {
      this.#sentinels.start()
      await requireSingleServer(await this.client.connect(), this.client.name)
    }
    return this.#outages.limit(timeoutMs, connect, () => this.close())
  }

  close(): void {
    this.#sentinels.stop()
    this.client.destroy()
  }
}
