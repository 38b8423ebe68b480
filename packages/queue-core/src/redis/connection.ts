import { withDeadline } from '../async/deadline.ts'
import { startTimer } from '../async/timer.ts'
import { QueueError } from '../model/errors.ts'
import { defaults } from '../model/options.ts'
import { textOf } from '../model/text-of.ts'
import type { Send } from './clients/adapter.ts'
import { adapterOf, type RedisClient } from './clients/recognise.ts'
import { Locator } from './cluster-node.ts'
import { isForbidden, isMoved, isNotSent, isReadOnly, isReply } from './replies.ts'

interface SendOptions {
  /** @default defaults.replyWithinMs */
  readonly replyWithinMs?: number
}

/** Sends commands whose keys all lie in one slot. */
export interface Connection {
  /**
   * Sends one command. Unless it rejects with a reply of the server, the server may have run the command.
   * @throws {QueueError} `NO_REPLY` after `replyWithinMs`, `CLOSED`; over the caller's client also `NOT_SENT`, and
   * `NO_REPLY` for each failure after the command was sent
   */
  send<T>(args: string[], options?: SendOptions): Promise<T>
  /** The server's id of this connection, for CLIENT UNBLOCK; undefined for a shared one, and where the user may not ask. */
  id(): Promise<string | undefined>
  /** When the server last replied, `performance.now()`. */
  readonly lastReplyAt: number
  readonly isClosed: boolean
  /** Drops the connection at once: commands under way reject. Idempotent. */
  close(): Promise<void>
}

/** How long a new connection may take until it can be used, in milliseconds. */
const OPEN_WITHIN_MS = 5_000
/** How long a master of a cluster may be silent until the others are asked, in milliseconds; more than a blocking read waits. */
const SUSPECT_AFTER_MS = defaults.blockMs + 1_000
const SILENCE = new Error('No reply yet')
/** How often a command follows a slot that moves. */
const MAX_REDIRECTS = 3

/** How long a command may wait until the caller's client is connected, in milliseconds. */
const WAIT_TO_SEND_MS = 5_000

/** Sends over the caller's own client, which stays the caller's to reconnect and to close. */
export function shareConnection(client: RedisClient, key: string): Connection {
  const adapter = adapterOf(client)
  let lastReplyAt = performance.now()
  const locator = new Locator(adapter, key)
  /** The master may be gone or silent: the client is told who serves the key, where it does not find out in time. */
  const suspect = (): void => void locator.failed()
  return {
    async send<T>(args: string[], { replyWithinMs = defaults.replyWithinMs }: SendOptions = {}) {
      const withdraw = new AbortController()
      const onLate = (): void => {
        withdraw.abort()
        suspect()
      }
      const timer = startTimer(onLate, Math.min(WAIT_TO_SEND_MS, replyWithinMs))
      try {
        const reply = adapter.send(key, args, withdraw.signal)
        const late = (why?: string): Error => noReply(args[0], replyWithinMs, why)
        const value = await inTime(locator, reply, { withinMs: replyWithinMs, askMs: SUSPECT_AFTER_MS, late })
        lastReplyAt = performance.now()
        return value as T
      } catch (error) {
        if (isReadOnly(error) || !isReply(error)) suspect()
        throw sharedError(error, args[0])
      } finally {
        timer.stop()
      }
    },
    id: () => Promise.resolve(undefined),
    get lastReplyAt() {
      return lastReplyAt
    },
    isClosed: false,
    close: () => Promise.resolve(),
  }
}

/** Says what is known of a command that failed: errors of the server as they are, others with one of two codes. */
function sharedError(error: unknown, command = 'a command'): unknown {
  if (isReply(error)) return error
  if (isNotSent(error))
    return new QueueError(
      'NOT_SENT',
      `Redis is not connected: ${command} was not sent, nothing was changed`,
      { cause: error },
    )
  if (error instanceof QueueError) return error
  return new QueueError(
    'NO_REPLY',
    `The connection to Redis failed: ${command} may have been carried out: ${textOf(error)}`,
    { cause: error },
  )
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
  const connection = new OwnConnection(new Locator(adapterOf(parent), key), onLost, signal)
  try {
    await connection.open()
  } catch (error) {
    // It would open itself again for none, and listen for as long as the client lives.
    await connection.close()
    throw error
  }
  return connection
}

interface Times {
  /** How long it may take. */
  readonly withinMs: number
  /** How often the other masters of a cluster are asked meanwhile. */
  readonly askMs: number
  /** Makes the error of what took too long, or is no longer awaited. */
  readonly late: (why?: string) => Error
}

/** Waits for a reply. Where none comes, a cluster may have another master by now, long before the time is over. */
async function inTime<T>(locator: Locator, reply: Promise<T>, { withinMs, askMs, late }: Times): Promise<T> {
  for (let leftMs = withinMs; ; leftMs -= askMs) {
    const isLast = leftMs <= askMs || !locator.isOnCluster
    try {
      return await withDeadline(reply, isLast ? leftMs : askMs, () => SILENCE)
    } catch (error) {
      if (error !== SILENCE) throw error
      if (isLast) throw late()
      if (await locator.failed()) throw late('the cluster has another master')
    }
  }
}

/** One socket with all that depends on it. It is never repaired: when it breaks, the next command opens another. */
interface Link {
  /** Rejects until it is open. */
  send: Send
  readonly socket: AbortController
  serverId: Promise<string> | undefined
  /** Commands without a reply. */
  pending: number
}

/**
 * A command that gets no reply in time rejects and the socket is replaced: a server that hangs or a network that
 * swallows packets never parks us for good. The client's own reconnecting is off, because it waits without end, may give
 * up for good, and may send a command twice.
 */
class OwnConnection implements Connection {
  readonly #locator: Locator
  readonly #onLost: (error: unknown) => void
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = (): void => void this.close()
  readonly #endMoved: () => void
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
    // The old master may serve our socket for another ten seconds, and what it stores then is lost.
    this.#endMoved = locator.onMoved(() => {
      this.#dialing?.abort(moved())
      this.#drop(this.#link, moved())
    })
  }

  /** Opens a link, or waits for the one that is being opened. */
  open(): Promise<Link> {
    if (this.isClosed) return Promise.reject(closed())
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

  async id(): Promise<string | undefined> {
    const link = this.#link ?? (await this.open())
    link.serverId ??= this.#exchange<number>(link, ['CLIENT', 'ID'], OPEN_WITHIN_MS).then(String)
    try {
      return await link.serverId
    } catch (error) {
      // Without it, a read under way is waited for at a stop.
      if (isForbidden(error)) return undefined
      throw error
    }
  }

  close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#endMoved()
    this.isClosed = true
    this.#dialing?.abort(closed())
    this.#drop(this.#link)
    return Promise.resolve()
  }

  async #openLink(): Promise<Link> {
    const socket = new AbortController()
    this.#dialing = socket
    try {
      const late = (why?: string): Error => noReply('a new connection', OPEN_WITHIN_MS, why)
      const times = { withinMs: OPEN_WITHIN_MS, askMs: OPEN_WITHIN_MS / 5, late }
      this.#link = await inTime(this.#locator, this.#dial(socket), times)
      return this.#link
    } catch (error) {
      socket.abort(error)
      if (!this.isClosed) await this.#locator.failed()
      throw error
    }
  }

  async #dial(socket: AbortController): Promise<Link> {
    const { node, address } = await this.#locator.locate()
    const link: Link = { send: () => Promise.reject(closed()), socket, serverId: undefined, pending: 0 }
    const onLost = (error: unknown): void => {
      const isNews = this.#link === link && link.pending === 0
      if (this.#link === link) this.#link = undefined
      // After this turn, so that the client rejects the commands under way with what happened.
      queueMicrotask(() => drop(link))
      if (isNews) this.#onLost(error)
    }
    socket.signal.throwIfAborted()
    link.send = await node.dial({ address, signal: socket.signal, onLost })
    socket.signal.throwIfAborted()
    return link
  }

  async #exchange<T>(link: Link, args: string[], replyWithinMs: number): Promise<T> {
    link.pending++
    try {
      const late = (why?: string): Error => {
        this.#drop(link)
        return noReply(args[0], replyWithinMs, why)
      }
      const times = { withinMs: replyWithinMs, askMs: SUSPECT_AFTER_MS, late }
      const reply = await inTime(this.#locator, link.send(args), times)
      this.lastReplyAt = performance.now()
      return reply as T
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

  #drop(link: Link | undefined, reason?: QueueError): void {
    if (this.#link === link) this.#link = undefined
    if (link !== undefined) drop(link, reason)
  }
}

function drop({ socket }: Link, reason = new QueueError('CLOSED', 'The connection was dropped')): void {
  socket.abort(reason)
}

function moved(): QueueError {
  return new QueueError('CLOSED', 'The connection was dropped: the Sentinels name another master')
}

function closed(): QueueError {
  return new QueueError('CLOSED', 'The connection is closed')
}

function noReply(what = 'a command', withinMs: number, why = `${withinMs} ms have passed`): QueueError {
  return new QueueError('NO_REPLY', `Redis gave no reply to ${what}: ${why}`)
}
