import type { RedisArgument, RedisClientType, RedisClusterType } from 'redis'
import { QueueError } from '../model/errors.ts'
import { createLocator, type Locator } from './cluster-node.ts'
import { defaults } from '../model/options.ts'
import { withDeadline } from '../async/deadline.ts'
import { isMoved, isReadOnly } from './replies.ts'

/** The part of a node-redis client (`createClient()`) that the library uses. */
export interface RedisNodeClient {
  readonly isReady: boolean
  readonly options?: { readonly socket?: object }
  sendCommand<T>(args: string[], options?: { typeMapping?: object }): Promise<T>
  duplicate(overrides?: object): RedisNodeClient
  connect(): Promise<unknown>
  close(): unknown
  destroy(): void
  on(event: 'error', listener: (error: unknown) => void): unknown
}

interface NodeAddress {
  readonly host: string
  readonly port: number
}

/** `nodeAddressMap` of node-redis: the address of a node from here, by the one that the cluster announces. */
type NodeAddressMap = Readonly<Record<string, NodeAddress>> | ((address: string) => NodeAddress | undefined)

/** The part of a node-redis cluster client (`createCluster()`) that the library uses. */
export interface RedisClusterClient {
  readonly isOpen: boolean
  readonly nodeByAddress: ReadonlyMap<string, { readonly client?: RedisNodeClient | undefined }>
  /** What it was made with: the addresses by which its nodes are reached from here. */
  readonly _options?: { readonly nodeAddressMap?: NodeAddressMap | undefined } | undefined
  sendCommand<T>(
    firstKey: RedisArgument | undefined,
    isReadonly: boolean | undefined,
    args: string[],
    options?: { typeMapping?: object },
  ): Promise<T>
  getNodeClientForKey(key: RedisArgument): Promise<RedisNodeClient>
}

/** A node-redis client, connected by the caller: `createClient()` or `createCluster()`. */
export type RedisClient = RedisNodeClient | RedisClusterClient

interface SendOptions {
  /** @default defaults.replyWithinMs */
  readonly replyWithinMs?: number
}

/** Sends commands whose keys all lie in one slot. */
export interface Connection {
  /**
   * Sends one command. What it threw tells nothing about whether the server ran it, unless it is a reply of the server.
   * @throws {QueueError} `NO_REPLY` after `replyWithinMs`, `CLOSED`
   */
  send<T>(args: string[], options?: SendOptions): Promise<T>
  /** The server's id of this connection, for CLIENT UNBLOCK; undefined for a shared one. */
  id(): Promise<string | undefined>
  /** When the server last answered, `performance.now()`. */
  readonly lastReplyAt: number
  readonly isClosed: boolean
  /** Drops the connection at once: commands under way reject. Idempotent. */
  close(): Promise<void>
}

/** One socket with all that depends on it. It is never mended: when it breaks, the next command opens another. */
interface Link {
  readonly client: RedisNodeClient
  readonly drop: () => void
  serverId: Promise<string> | undefined
  /** Commands without a reply. */
  pending: number
}

/** How long a new connection may take until it can be used, in milliseconds. */
const OPEN_WITHIN_MS = 5_000
/** How often a command follows a slot that moves. */
const MAX_REDIRECTS = 3

/** Replies come as plain strings and numbers, whatever types the caller's client maps them to. */
const plain = { typeMapping: {} }

function isCluster(client: RedisClient): client is RedisClusterClient {
  return 'getNodeClientForKey' in client
}

type Accepts<T extends RedisClient> = T
/** Compile-time proof that node-redis' own clients are accepted. @public */
export type Accepted = Accepts<RedisClientType> | Accepts<RedisClusterType>

/** The client, if it is one. @throws {QueueError} `INVALID_OPTIONS` */
export function checkClient<Client extends RedisClient>(client: Client): Client {
  // It has isReady as well, and takes commands in another form.
  if (typeof client === 'object' && client !== null && 'getMasterNode' in client)
    throw new QueueError(
      'INVALID_OPTIONS',
      'A client of createSentinel(…) is not supported: pass createClient(…) with an address that follows the primary',
    )
  if (typeof client === 'object' && client !== null && ('isReady' in client || isCluster(client)))
    return client
  throw new QueueError(
    'INVALID_OPTIONS',
    'The first argument must be a client of node-redis: createClient(…) or createCluster(…) of the package "redis", connected',
  )
}

/** Sends over the caller's own client, which stays the caller's to mend and to close. */
export function shareConnection(client: RedisClient, key: string): Connection {
  checkClient(client)
  let lastReplyAt = performance.now()
  return {
    async send<T>(args: string[], options: SendOptions = {}) {
      const { replyWithinMs = defaults.replyWithinMs } = options
      const reply = isCluster(client)
        ? client.sendCommand<T>(key, false, args, plain)
        : client.sendCommand<T>(args, plain)
      const value = await withDeadline(reply, replyWithinMs, () => noReply(args[0], replyWithinMs))
      lastReplyAt = performance.now()
      return value
    },
    id: () => Promise.resolve(undefined),
    get lastReplyAt() {
      return lastReplyAt
    },
    isClosed: false,
    close: () => Promise.resolve(),
  }
}

/**
 * Opens a connection of its own; on a cluster to the master that serves `key`. A command that gets no reply within
 * `replyWithinMs` rejects and the socket is replaced: a server that hangs or a network that swallows packets never
 * parks us for good. node-redis' own reconnecting is off, since it waits without end and may give up for good.
 * `onLost` is told of a connection that breaks while it is idle; else those who wait for replies are told, and of a
 * failure to open another one whoever sends next.
 * `signal` closes it.
 */
export async function openConnection(
  parent: RedisClient,
  key: string,
  onLost: (error: unknown) => void,
  signal?: AbortSignal,
): Promise<Connection> {
  signal?.throwIfAborted()
  const locator = isCluster(parent) ? createLocator(parent, key) : locateAt(parent)
  let isClosed = false
  let link: Link | undefined
  let opening: Promise<Link> | undefined
  let dialing: AbortController | undefined
  let lastReplyAt = performance.now()

  async function open(): Promise<Link> {
    const socket = new AbortController()
    dialing = socket
    try {
      link = await withDeadline(dial(socket), OPEN_WITHIN_MS, () =>
        noReply('a new connection', OPEN_WITHIN_MS),
      )
      return link
    } catch (error) {
      socket.abort(error)
      if (!isClosed) await locator.failed()
      throw error
    }
  }

  async function dial(socket: AbortController): Promise<Link> {
    const { template, address } = await locator.locate()
    const client = template.duplicate({
      // Every command has a time limit of ours.
      commandOptions: { timeout: undefined },
      disableOfflineQueue: true,
      clientSideCache: undefined,
      socket: {
        ...template.options?.socket,
        ...address,
        reconnectStrategy: false,
        socketTimeout: undefined,
        // Ends the socket at any time, also one that is still connecting, which destroy() does not.
        signal: socket.signal,
      },
    })
    const opened: Link = {
      client,
      serverId: undefined,
      pending: 0,
      drop() {
        if (link === opened) link = undefined
        socket.abort(new QueueError('CLOSED', 'The connection was dropped'))
      },
    }
    socket.signal.addEventListener('abort', () => client.destroy())
    client.on('error', (error) => {
      const isNews = link === opened && opened.pending === 0
      if (link === opened) link = undefined
      // A moment later, so that node-redis rejects the commands under way with what happened.
      queueMicrotask(opened.drop)
      if (isNews) onLost(error)
    })
    socket.signal.throwIfAborted()
    await client.connect()
    return opened
  }

  function current(): Promise<Link> {
    if (isClosed) return Promise.reject(new QueueError('CLOSED', 'The connection is closed'))
    opening ??= open().finally(() => {
      opening = undefined
    })
    return opening
  }

  async function exchange<T>(used: Link, args: string[], replyWithinMs: number): Promise<T> {
    used.pending++
    try {
      const reply = await withDeadline(used.client.sendCommand<T>(args, plain), replyWithinMs, () => {
        used.drop()
        return noReply(args[0], replyWithinMs)
      })
      lastReplyAt = performance.now()
      return reply
    } catch (error) {
      // A master that became a replica, or gave its slot away, keeps our socket; only a new connection finds the new one.
      if (isReadOnly(error) || isMoved(error)) {
        locator.moved(error)
        used.drop()
      }
      throw error
    } finally {
      used.pending--
    }
  }

  function close(): void {
    isClosed = true
    dialing?.abort(new QueueError('CLOSED', 'The connection is closed'))
    link?.drop()
  }

  signal?.addEventListener('abort', close, { once: true })
  await current()
  return {
    async send<T>(args: string[], options: SendOptions = {}) {
      const { replyWithinMs = defaults.replyWithinMs } = options
      for (let redirects = 0; ; redirects++) {
        const late = (): Error => noReply('a new connection', replyWithinMs)
        const used = link ?? (await withDeadline(current(), replyWithinMs, late))
        try {
          return await exchange<T>(used, args, replyWithinMs)
        } catch (error) {
          // The node that answers so has done nothing, and the next connection goes where it points.
          if (redirects === MAX_REDIRECTS || !isMoved(error)) throw error
        }
      }
    },
    async id() {
      const used = link ?? (await current())
      used.serverId ??= exchange<number>(used, ['CLIENT', 'ID'], OPEN_WITHIN_MS).then(String)
      return used.serverId
    },
    get lastReplyAt() {
      return lastReplyAt
    },
    get isClosed() {
      return isClosed
    },
    close() {
      signal?.removeEventListener('abort', close)
      close()
      return Promise.resolve()
    },
  }
}

function locateAt(template: RedisNodeClient): Locator {
  return {
    locate: () => Promise.resolve({ template, address: undefined }),
    moved: () => undefined,
    failed: () => Promise.resolve(),
  }
}

function noReply(what = 'a command', withinMs: number): QueueError {
  return new QueueError('NO_REPLY', `Redis gave no reply to ${what} within ${withinMs} ms`)
}
