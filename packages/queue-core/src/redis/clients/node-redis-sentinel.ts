import { QueueError } from '../../model/errors.ts'
import type { ClientAdapter } from './adapter.ts'
import { adaptNode, sharedOptions, type RedisNodeClient } from './node-redis.ts'

/** The part of a node-redis Sentinel client (`createSentinel()`) that the library uses. */
export interface RedisSentinelClient {
  readonly isOpen: boolean
  getMasterNode(): { readonly host: string; readonly port: number } | undefined
  /** Waits until the client is connected to a master and runs a function with that connection. */
  _execute<T>(isReadonly: boolean | undefined, run: (master: RedisNodeClient) => Promise<T>): Promise<T>
  on(event: 'topology-change', listener: (change: { readonly type: string }) => void): unknown
}

/**
 * Adapts `createSentinel()`. Commands go to the connection that it has to the master, not through its own `sendCommand`,
 * which sends a command again when the connection is lost and lets commands of one turn wait for each other.
 */
export function adaptSentinel(sentinel: RedisSentinelClient): ClientAdapter {
  const master = new Master(sentinel)
  return {
    send: async (_key, args, withdraw) =>
      (await master.get(withdraw)).sendCommand(args, sharedOptions(withdraw)),
    nodeOf: async () => adaptNode(undefined, await master.get(AbortSignal.timeout(FIND_WITHIN_MS))),
    nodes: () => [],
    addressOf: () => undefined,
    doubt: (error) => master.doubt(error),
    onMoved: (listener) => master.onMoved(listener),
  }
}

/** How long an own connection waits for the master, in milliseconds. */
const FIND_WITHIN_MS = 5_000

/** The client's connection to the master that the Sentinels name. */
class Master {
  readonly #sentinel: RedisSentinelClient
  readonly #listeners = new Set<() => void>()
  #client: RedisNodeClient | undefined
  #finding: Promise<RedisNodeClient> | undefined
  #doubt: Error | undefined

  constructor(sentinel: RedisSentinelClient) {
    this.#sentinel = sentinel
    sentinel.on('topology-change', ({ type }) => {
      if (type !== 'MASTER_CHANGE') return
      this.#client = undefined
      for (const listener of this.#listeners) listener()
    })
  }

  /** Returns the connection; rejects as not sent when there is none until the signal aborts. */
  async get(signal: AbortSignal): Promise<RedisNodeClient> {
    if (this.#client?.isReady === true) return this.#client
    this.#finding ??= this.#find().finally(() => (this.#finding = undefined))
    const finding = this.#finding
    return new Promise((resolve, reject) => {
      const fail = (cause?: unknown): void =>
        reject(new QueueError('NOT_SENT', 'The Sentinel client has no connection to a master', { cause }))
      const onAbort = (): void => fail()
      signal.addEventListener('abort', onAbort, { once: true })
      finding.then(resolve, fail).finally(() => signal.removeEventListener('abort', onAbort))
    })
  }

  /** Makes the client ask the Sentinels before the next command: `error` is its reason to. */
  doubt(error: Error): void {
    this.#client = undefined
    this.#doubt = error
  }

  onMoved(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #find(): Promise<RedisNodeClient> {
    if (!this.#sentinel.isOpen) throw new Error('The client is closed')
    // oxlint-disable-next-line no-underscore-dangle -- node-redis shows its connection to the master nowhere else
    const client = await this.#sentinel._execute(false, (found) => {
      const doubt = this.#doubt
      this.#doubt = undefined
      // The client asks the Sentinels and runs this again.
      return doubt === undefined ? Promise.resolve(found) : Promise.reject(doubt)
    })
    this.#client = client
    return client
  }
}
