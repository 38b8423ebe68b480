import { setTimeout as pause } from 'node:timers/promises'
import { withDeadline } from '@titan/queue-core/async'
import { textOf } from '@titan/queue-core/text-of'
import { ClientClosedError, createCluster, ErrorReply, type RedisClusterType } from 'redis'
import { pauseBefore } from '../connect.ts'
import type { Log } from '../log.ts'
import { Failure } from '../program.ts'
import { addressOf } from '../server-url.ts'
import { ClusterWatch } from './cluster-watch.ts'
import { OutageLog } from './outage-log.ts'
import type { RedisPlace } from './place.ts'
import type { Redis, RedisMaster } from './redis.ts'

/** How long an attempt to connect to all masters may take, in milliseconds: one that is away is replaced meanwhile. */
const ATTEMPT_TIMEOUT_MS = 5_000
/** How soon after the loss of a node the others are asked who serves its slots, in milliseconds. */
const REFRESH_AFTER_MS = 500

/** A cluster, through the cluster client of node-redis. */
export class Cluster implements Redis {
  readonly client: RedisClusterType
  readonly #url: string
  readonly #outages: OutageLog
  readonly #watch: ClusterWatch
  #refusal: Failure | undefined
  #isClosed = false

  constructor(
    url: string,
    { hosts, isTls, login }: Extract<RedisPlace, { readonly kind: 'cluster' }>,
    log: Log,
  ) {
    this.#url = url
    this.#outages = new OutageLog(url, log)
    const socket = { connectTimeout: 2_000, reconnectStrategy: pauseBefore }
    this.client = createCluster({
      rootNodes: hosts.map((address) => ({ socket: address })),
      defaults: { ...login, disableOfflineQueue: true, socket: isTls ? { ...socket, tls: true } : socket },
      topologyRefreshOnReconnectionAttemptStrategy: REFRESH_AFTER_MS,
    })
    this.#watch = new ClusterWatch(this.client, () => this.#outages.back())
    this.client.on('node-error', (error: unknown) => this.#lose(error))
    this.client.on('error', (error: unknown) => this.#lose(error))
  }

  async send<Reply>(key: string, args: string[]): Promise<Reply> {
    const node = await this.client.getNodeClientForKey(key)
    try {
      // Not by the cluster client, which sends a command without a key to any node, or to each.
      return await node.sendCommand<Reply>(args)
    } catch (error) {
      // Nothing was done. The cluster client follows it.
      if (error instanceof ErrorReply && /^(MOVED|ASK) /.test(error.message))
        return await this.client.sendCommand<Reply>(key, false, args)
      throw error
    }
  }

  masters(): Promise<readonly RedisMaster[]> {
    const masters = this.client.masters.map((node) => ({
      name: node.address,
      send: async <Reply>(args: string[]): Promise<Reply> =>
        (await this.client.nodeClient(node)).sendCommand<Reply>(args),
    }))
    return Promise.resolve(masters)
  }

  sentinels(): [] {
    return []
  }

  isWritable(): boolean {
    return this.#watch.isComplete()
  }

  connect(timeoutMs?: number): Promise<void> {
    return this.#outages.limit(
      timeoutMs,
      () => this.#connect(),
      () => this.close(),
    )
  }

  close(): void {
    this.#isClosed = true
    this.#watch.stop()
    if (this.client.isOpen) this.client.destroy()
  }

  async #connect(): Promise<void> {
    for (let retries = 0; !this.#isClosed; retries += 1) {
      try {
        const late = (): Error => new Error(`no reply within ${ATTEMPT_TIMEOUT_MS} ms`)
        await withDeadline(this.client.connect(), ATTEMPT_TIMEOUT_MS, late)
        return await this.#watch.start()
      } catch {
        // The events say why.
        if (this.client.isOpen) this.client.destroy()
        if (this.#refusal !== undefined) throw this.#refusal
        await pause(pauseBefore(retries))
      }
    }
    throw new ClientClosedError()
  }

  #lose(error: unknown): void {
    if (/cluster support disabled/.test(textOf(error)))
      this.#refusal = new Failure(
        `REDIS_URL must point at a cluster: ${addressOf(this.#url)} is a single server, whose URL is redis:// or rediss://`,
      )
    if (!this.isWritable()) this.#outages.lost(error)
  }
}
