import type { RedisArgument, RedisClientType, RedisClusterType } from 'redis'

/** The part of a node-redis client (`createClient()`) that the library uses. */
export interface RedisNodeClient {
  readonly isReady: boolean
  sendCommand<T>(args: string[], options?: { timeout?: number }): Promise<T>
  duplicate(overrides?: object): RedisNodeClient
  connect(): Promise<unknown>
  close(): unknown
  destroy(): void
  on(event: 'error', listener: (error: unknown) => void): unknown
}

/** The part of a node-redis cluster client (`createCluster()`) that the library uses. */
export interface RedisClusterClient {
  readonly isOpen: boolean
  sendCommand<T>(
    firstKey: RedisArgument | undefined,
    isReadonly: boolean | undefined,
    args: string[],
    options?: { timeout?: number },
  ): Promise<T>
  duplicate(overrides?: object): RedisClusterClient
  connect(): Promise<unknown>
  close(): unknown
  destroy(): void
  on(event: 'error', listener: (error: unknown) => void): unknown
  getNodeClientForKey(key: RedisArgument): unknown
}

/** A node-redis client, connected by the caller: `createClient()` or `createCluster()`. */
export type RedisClient = RedisNodeClient | RedisClusterClient

/** Sends commands whose keys all lie in one slot. */
export interface Connection {
  send<T>(args: string[], options?: { readonly replyWithinMs?: number }): Promise<T>
  /** The server's id of this connection, for CLIENT UNBLOCK; undefined on a cluster, which has many. */
  id(): Promise<string | undefined>
  close(): Promise<void>
}

export class ReplyTimeoutError extends Error {
  override readonly name = 'ReplyTimeoutError'
}

function isCluster(client: RedisClient): client is RedisClusterClient {
  return 'getNodeClientForKey' in client
}

// Compile-time proof that node-redis' own clients are accepted.
type Accepts<T extends RedisClient> = T
export type Accepted = Accepts<RedisClientType> | Accepts<RedisClusterType>

function sendOn<T>(client: RedisClient, key: string, args: string[]): Promise<T> {
  return isCluster(client) ? client.sendCommand<T>(key, false, args) : client.sendCommand<T>(args)
}

/** Sends over the caller's own client, which stays the caller's to close. */
export function shareConnection(client: RedisClient, key: string): Connection {
  return {
    send: (args) => sendOn(client, key, args),
    id: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  }
}

/**
 * Opens a connection of its own. A command that gets no reply within `replyWithinMs` rejects and the
 * connection is replaced: a server that hangs or a network that swallows packets never parks us for good.
 */
export async function openConnection(
  parent: RedisClient,
  key: string,
  onError: (error: unknown) => void,
): Promise<Connection> {
  let closed = false
  let client: RedisClient | undefined
  let opening: Promise<RedisClient> | undefined
  let serverId: string | undefined

  async function open(): Promise<RedisClient> {
    const fresh: RedisClient = isCluster(parent)
      ? parent.duplicate()
      : parent.duplicate({ commandOptions: {}, disableOfflineQueue: true })
    fresh.on('error', (error) => {
      serverId = undefined
      onError(error)
    })
    try {
      await fresh.connect()
    } catch (error) {
      discard(fresh)
      throw error
    }
    if (closed) discard(fresh)
    client = fresh
    return fresh
  }

  function discard(old: RedisClient): void {
    if (client === old) client = undefined
    serverId = undefined
    try {
      old.destroy()
    } catch {
      // destroy() throws on a client that is closed already: that is what is wanted.
    }
  }

  async function current(): Promise<RedisClient> {
    if (client !== undefined) return client
    opening ??= open().finally(() => {
      opening = undefined
    })
    return opening
  }

  async function send<T>(args: string[], options: { replyWithinMs?: number } = {}): Promise<T> {
    const used = client ?? (await current())
    const reply = sendOn<T>(used, key, args)
    const within = options.replyWithinMs
    if (within === undefined) return reply
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        // Rejected first: destroy() rejects the command too, with a less telling error.
        reject(new ReplyTimeoutError(`Redis gave no reply to ${args[0]} within ${within} ms; reconnecting`))
        discard(used)
      }, within)
    })
    try {
      return await Promise.race([reply, late])
    } catch (error) {
      // A master that became a replica keeps our socket; only a new connection finds the new master.
      if (error instanceof Error && error.message.startsWith('READONLY')) discard(used)
      throw error
    } finally {
      clearTimeout(timer)
      reply.catch(() => undefined)
    }
  }

  await current()
  return {
    send,
    async id() {
      if (isCluster(parent)) return undefined
      serverId ??= String(await send<number>(['CLIENT', 'ID'], { replyWithinMs: 5_000 }))
      return serverId
    },
    async close() {
      closed = true
      if (client !== undefined) discard(client)
      await opening?.catch(() => undefined)
    },
  }
}
