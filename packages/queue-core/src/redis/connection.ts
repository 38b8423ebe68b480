import type { RedisArgument, RedisClientType, RedisClusterType } from 'redis'
import { invalidOptions, QueueError } from '../model/errors.ts'
import { isCluster, Locator } from './cluster-node.ts'
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
   * Sends one command. Unless it rejects with a reply of the server, the server may have run the command.
   * @throws {QueueError} `NO_REPLY` after `replyWithinMs`, `CLOSED`
   */
  send<T>(args: string[], options?: SendOptions): Promise<T>
  /** The server's id of this connection, for CLIENT UNBLOCK; undefined for a shared one. */
  id(): Promise<string | undefined>
  /** When the server last replied, `performance.now()`. */
  readonly lastReplyAt: number
  readonly isClosed: boolean
  /** Drops the connection at once: commands under way reject. Idempotent. */
  close(): Promise<void>
}

/** How long a new connection may take until it can be used, in milliseconds. */
const OPEN_WITHIN_MS = 5_000
/** How often a command follows a slot that moves. */
const MAX_REDIRECTS = 3

/** Replies come as plain strings and numbers, whatever types the caller's client maps them to. */
const plain = { typeMapping: {} }

type Accepts<T extends RedisClient> = T
/** Compile-time proof that node-redis' own clients are accepted. @public */
export type Accepted = Accepts<RedisClientType> | Accepts<RedisClusterType>

/** Returns the client, if it is one. @throws {QueueError} `INVALID_OPTIONS` */
export function checkClient<Client extends RedisClient>(client: Client): Client {
  const isObject = typeof client === 'object' && client !== null
  // It has isReady as well, and takes commands in another form.
  if (isObject && 'getMasterNode' in client)
    throw invalidOptions(
      'A client of createSentinel(…) is not supported: pass createClient(…) with an address that follows the primary',
    )
  if (isObject && ('isReady' in client || isCluster(client))) return client
  throw invalidOptions(
    'The first argument must be a client of node-redis: createClient(…) or createCluster(…) of the package "redis", connected',
  )
}

/** Sends over the caller's own client, which stays the caller's to reconnect and to close. */
export function shareConnection(client: RedisClient, key: string): Connection {
  checkClient(client)
  let lastReplyAt = performance.now()
  return {
    async send<T>(args: string[], { replyWithinMs = defaults.replyWithinMs }: SendOptions = {}) {
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
 * Opens a separate connection; on a cluster to the master that serves `key`.
 * `onLost` gets the error of a connection that breaks while it is idle. Otherwise the senders of the commands under way get the
 * error, and the next sender gets a failure to open another connection.
 * `signal` closes it.
 */
export async function openConnection(
  parent: RedisClient,
  key: string,
  onLost: (error: unknown) => void,
  signal?: AbortSignal,
): Promise<Connection> {
  signal?.throwIfAborted()
  const connection = new OwnConnection(new Locator(parent, key), onLost, signal)
  await connection.open()
  return connection
}

/** One socket with all that depends on it. It is never repaired: when it breaks, the next command opens another. */
interface Link {
  readonly client: RedisNodeClient
  readonly socket: AbortController
  serverId: Promise<string> | undefined
  /** Commands without a reply. */
  pending: number
}

/**
 * A command that gets no reply in time rejects and the socket is replaced: a server that hangs or a network that
 * swallows packets never parks us for good. node-redis' own reconnecting is off, because it waits without end and may
 * give up for good.
 */
class OwnConnection implements Connection {
  readonly #locator: Locator
  readonly #onLost: (error: unknown) => void
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = (): void => void this.close()
  #link: Link | undefined
  #opening: Promise<Link> | undefined
  #dialing: AbortController | undefined
  isClosed = false
  lastReplyAt: number = performance.now()

  constructor(locator: Locator, onLost: (error: unknown) => void, signal: AbortSignal | undefined) {
    this.#locator = locator
    this.#onLost = onLost
    this.#signal = signal
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Opens a link, or waits for the one that is being opened. */
  open(): Promise<Link> {
    if (this.isClosed) return Promise.reject(new QueueError('CLOSED', 'The connection is closed'))
    this.#opening ??= this.#openLink().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async send<T>(args: string[], { replyWithinMs = defaults.replyWithinMs }: SendOptions = {}): Promise<T> {
    for (let redirects = 0; ; redirects++) {
      const late = (): Error => noReply('a new connection', replyWithinMs)
      const link = this.#link ?? (await withDeadline(this.open(), replyWithinMs, late))
      try {
        return await this.#exchange<T>(link, args, replyWithinMs)
      } catch (error) {
        // The node that replies so has done nothing, and the next connection goes where it points.
        if (redirects === MAX_REDIRECTS || !isMoved(error)) throw error
      }
    }
  }

  async id(): Promise<string> {
    const link = this.#link ?? (await this.open())
    link.serverId ??= this.#exchange<number>(link, ['CLIENT', 'ID'], OPEN_WITHIN_MS).then(String)
    return link.serverId
  }

  close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.isClosed = true
    this.#dialing?.abort(new QueueError('CLOSED', 'The connection is closed'))
    this.#drop(this.#link)
    return Promise.resolve()
  }

  async #openLink(): Promise<Link> {
    const socket = new AbortController()
    this.#dialing = socket
    try {
      const late = (): Error => noReply('a new connection', OPEN_WITHIN_MS)
      this.#link = await withDeadline(this.#dial(socket), OPEN_WITHIN_MS, late)
      return this.#link
    } catch (error) {
      socket.abort(error)
      if (!this.isClosed) await this.#locator.failed()
      throw error
    }
  }

  async #dial(socket: AbortController): Promise<Link> {
    const { template, address } = await this.#locator.locate()
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
    const link: Link = { client, socket, serverId: undefined, pending: 0 }
    socket.signal.addEventListener('abort', () => client.destroy())
    client.on('error', (error) => {
      const isNews = this.#link === link && link.pending === 0
      if (this.#link === link) this.#link = undefined
      // After this turn, so that node-redis rejects the commands under way with what happened.
      queueMicrotask(() => drop(link))
      if (isNews) this.#onLost(error)
    })
    socket.signal.throwIfAborted()
    await client.connect()
    return link
  }

  async #exchange<T>(link: Link, args: string[], replyWithinMs: number): Promise<T> {
    link.pending++
    try {
      const reply = await withDeadline(link.client.sendCommand<T>(args, plain), replyWithinMs, () => {
        this.#drop(link)
        return noReply(args[0], replyWithinMs)
      })
      this.lastReplyAt = performance.now()
      return reply
    } catch (error) {
      // A master that became a replica, or gave its slot away, keeps our socket; only a new connection finds the new one.
      if (isReadOnly(error) || isMoved(error)) {
        this.#locator.moved(error)
        this.#drop(link)
      }
      throw error
    } finally {
      link.pending--
    }
  }

  #drop(link: Link | undefined): void {
    if (this.#link === link) this.#link = undefined
    if (link !== undefined) drop(link)
  }
}

function drop({ socket }: Link): void {
  socket.abort(new QueueError('CLOSED', 'The connection was dropped'))
}

function noReply(what = 'a command', withinMs: number): QueueError {
  return new QueueError('NO_REPLY', `Redis gave no reply to ${what} within ${withinMs} ms`)
}
