import type { RedisNodeClient } from '@titan/queue-core'
import { ClientOfflineError, createClient, type RedisClientType } from 'redis'
import { pauseBefore } from '../connect.ts'
import { addressText } from '../server-url.ts'
import { Duplicates, endWhenClosed } from './duplicates.ts'
import type { Address, Login } from './place.ts'
import { isWritable, watchRedis } from './watch.ts'

/** How a {@link FollowingClient} connects. */
interface FollowingOptions {
  readonly login: Login
  readonly database: number
  readonly isTls: boolean
  readonly onLost: (error: unknown) => void
  /** Is called when a connection can be used. */
  readonly onUsable: () => void
}

/** A client of the master, whichever that is: one plain client after the other, and the connections of the queue. */
export class FollowingClient implements RedisNodeClient {
  readonly #options: FollowingOptions
  readonly #connected = Promise.withResolvers<RedisClientType>()
  #client: RedisClientType | undefined
  #name = 'unknown'
  readonly #duplicates = new Duplicates()
  #isClosed = false

  constructor(options: FollowingOptions) {
    this.#options = options
    this.#connected.promise.catch(() => undefined)
  }

  get isReady(): boolean {
    return this.#client?.isReady ?? false
  }

  get isWritable(): boolean {
    return this.#client !== undefined && isWritable(this.#client)
  }

  /** The master that is followed, `host:port`. */
  get name(): string {
    return this.#name
  }

  get options(): RedisNodeClient['options'] {
    return this.#client?.options
  }

  sendCommand<Reply = unknown>(args: string[], options?: object): Promise<Reply> {
    return this.#client?.sendCommand<Reply>(args, options) ?? Promise.reject(new ClientOfflineError())
  }

  duplicate(overrides?: object): RedisClientType {
    if (this.#client === undefined) throw new ClientOfflineError()
    return this.#client.duplicate(overrides) as RedisClientType
  }

  /** Resolves when a master was connected to for the first time. */
  connect(): Promise<RedisClientType> {
    return this.#connected.promise
  }

  /** Errors are for `onLost`. */
  on(): this {
    return this
  }

  destroy(): void {
    this.#isClosed = true
    this.#client?.destroy()
    this.#connected.reject(new ClientOfflineError())
  }

  /** Goes to the master, unless it is there: the former one may serve its connections for seconds. */
  follow(address: Address): void {
    const name = addressText(address.host, address.port)
    if (this.#isClosed || name === this.#name) return
    const former = this.#client
    this.#name = name
    this.#client = this.#createClient(address)
    if (former !== undefined) {
      former.destroy()
      this.#options.onLost(new Error(`the Sentinels name ${name} as master`))
    }
    this.#client.connect().then(this.#connected.resolve, () => undefined)
  }

  #createClient(address: Address): RedisClientType {
    const { isTls, login, database, onLost, onUsable } = this.#options
    const socket = { ...address, connectTimeout: 2_000, reconnectStrategy: pauseBefore }
    const client: RedisClientType = createClient({
      ...login,
      database,
      disableOfflineQueue: true,
      socket: isTls ? { ...socket, tls: true } : socket,
    })
    client.on('error', onLost)
    endWhenClosed(client)
    this.#duplicates.track(client)
    client.on('end', () => this.#duplicates.keep([]))
    watchRedis(client, { acceptsReplica: false, onUsable })
    return client
  }
}
