import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { Pipe } from './pipe.ts'

/** What a network does to connections. */
export type NetworkFault =
  /** The port refuses connections; open ones are reset. */
  | { readonly type: 'refuse' }
  /** Open connections are reset, new ones as soon as they are accepted. */
  | { readonly type: 'reset' }
  /** Nothing passes. What was sent in the meantime arrives when the fault ends. */
  | { readonly type: 'blackhole' }
  /** Nothing passes. Connections of this time stay silent after the fault, as behind a firewall that forgot them. */
  | { readonly type: 'silence' }
  /** Everything arrives this much later, in both directions. */
  | { readonly type: 'delay'; readonly ms: number }
  /** Each connection is reset when it would exceed this number of response bytes. */
  | { readonly type: 'cut'; readonly bytes: number }
  /** Requests are delivered, and the connection is reset instead of the response. */
  | { readonly type: 'drop_answers' }

/** Ends a connection on both sides. */
interface Ends {
  reset(): void
  close(): void
  /** Sends bytes to the client in place of the server, and then ends the connection in order unless it `isOpen`. */
  respond(bytes: string | Uint8Array, isOpen?: boolean): void
}

/** What reads along on one connection. Each returns false after it has ended the connection. */
interface Inspector {
  request?(chunk: Buffer): boolean
  response?(chunk: Buffer): boolean
}

/** How a proxy treats the protocol that it carries. */
interface TcpProxyOptions {
  /** Prepares an accepted connection, for example with TLS; returns undefined after it has ended the connection. */
  readonly greet?: (near: Socket) => Promise<Socket | undefined>
  /** Reads along on a connection, and may end it. */
  readonly inspect?: (ends: Ends) => Inspector
}

interface Connection extends Ends {
  readonly up: Pipe
  readonly down: Pipe
  /** Response bytes that may still pass. */
  allowance: number
  isSilenced: boolean
}

/**
 * Forwards connections to the server of a URL, or to the port on the loopback address that `target` returns at the time.
 * While it returns undefined, new connections are reset.
 */
export async function startTcpProxy(
  target: string | (() => number | undefined),
  options: TcpProxyOptions = {},
): Promise<TcpProxy> {
  const proxy = new TcpProxy(
    typeof target === 'string' ? () => Number(new URL(target).port) : target,
    options,
  )
  await proxy.set()
  return proxy
}

const LISTEN_RETRY_MS = 50
const LISTEN_TIMEOUT_MS = 30_000
const NO_FAULT: NetworkFault = { type: 'delay', ms: 0 }

/** A TCP port on the loopback address in front of a server, which can be any bad network. */
export class TcpProxy {
  readonly #target: () => number | undefined
  readonly #options: TcpProxyOptions
  /** Accepted sockets, also those that are not forwarded yet. */
  readonly #accepted = new Set<Socket>()
  readonly #connections = new Set<Connection>()
  #fault: NetworkFault = NO_FAULT
  #isClosed = false
  #server: Server | undefined
  #listening: Promise<void> | undefined
  port = 0

  constructor(target: () => number | undefined, options: TcpProxyOptions) {
    this.#target = target
    this.#options = options
  }

  /** Returns the URL with the address of the proxy instead of the server's. */
  through(url: string): string {
    const through = new URL(url)
    through.host = `127.0.0.1:${this.port}`
    return through.href
  }

  /** Resolves when the fault is in force; without one the network is good again. */
  async set(fault: NetworkFault = NO_FAULT): Promise<void> {
    this.#fault = fault
    if (fault.type === 'refuse') void this.#stopListening()
    for (const connection of this.#connections) this.#impose(connection)
    while (this.#isMissing())
      await (this.#listening ??= this.#listen().finally(() => (this.#listening = undefined)))
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    const closed = this.#stopListening()
    for (const connection of this.#connections) connection.reset()
    for (const socket of this.#accepted) socket.destroy()
    await Promise.allSettled([closed, this.#listening])
  }

  #isMissing() {
    return this.#server === undefined && this.#fault.type !== 'refuse' && !this.#isClosed
  }

  /** Listens on the port, which an outgoing connection may have for a short time, unless it is refused or closed by then. */
  async #listen() {
    const deadline = performance.now() + LISTEN_TIMEOUT_MS
    while (this.#isMissing()) {
      const server = createServer({ allowHalfOpen: true }, (near) => void this.#accept(near))
      try {
        await once(server.listen(this.port, '127.0.0.1'), 'listening')
      } catch (error) {
        if (this.port === 0 || performance.now() >= deadline) throw error
        await pause(LISTEN_RETRY_MS)
        continue
      }
      this.#server = server
      this.port = (server.address() as AddressInfo).port
      // What came while it began to listen.
      if (this.#isClosed || this.#fault.type === 'refuse') void this.#stopListening()
    }
  }

  #stopListening(): Promise<unknown> | undefined {
    const closed = this.#server && once(this.#server, 'close')
    this.#server?.close()
    this.#server = undefined
    return closed
  }

  async #accept(raw: Socket): Promise<void> {
    this.#accepted.add(raw)
    raw.on('error', () => undefined)
    raw.on('close', () => this.#accepted.delete(raw))
    const port = this.#target()
    if (port === undefined || this.#fault.type === 'reset') {
      raw.resetAndDestroy()
      return
    }
    const near = this.#options.greet === undefined ? raw : await this.#options.greet(raw)
    if (near !== undefined && !raw.destroyed) this.#forward(near, raw, port)
  }

  #forward(near: Socket, raw: Socket, port: number): void {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const end = (how: 'resetAndDestroy' | 'destroy'): void => {
      this.#connections.delete(connection)
      connection.up.close()
      connection.down.close()
      raw[how]()
      far[how]()
    }
    const ends: Ends = {
      reset: () => end('resetAndDestroy'),
      close: () => end('destroy'),
      respond(bytes, isOpen = false) {
        if (near.destroyed) return
        near.write(bytes)
        if (isOpen) return
        near.end()
        far.destroy()
      },
    }
    const inspector = this.#options.inspect?.(ends)
    const connection: Connection = {
      ...ends,
      up: new Pipe(near, far, (chunk) => inspector?.request?.(chunk) ?? true),
      down: new Pipe(far, near, (chunk) => this.#mayPass(connection, chunk, inspector)),
      allowance: Infinity,
      isSilenced: false,
    }
    this.#connections.add(connection)
    for (const socket of new Set([near, raw, far])) {
      socket.on('error', () => undefined)
      socket.on('close', (hadError) => {
        // The pipes pass an orderly end on, after what is still on its way.
        if (hadError) connection.reset()
        else this.#connections.delete(connection)
      })
    }
    this.#impose(connection)
  }

  #mayPass(connection: Connection, chunk: Buffer, inspector: Inspector | undefined): boolean {
    connection.allowance -= chunk.length
    if (connection.allowance >= 0) return inspector?.response?.(chunk) ?? true
    connection.reset()
    return false
  }

  #impose(connection: Connection) {
    const fault = this.#fault
    connection.isSilenced ||= fault.type === 'silence'
    for (const pipe of [connection.up, connection.down]) {
      pipe.delay(fault.type === 'delay' ? fault.ms : 0)
      if (connection.isSilenced || fault.type === 'blackhole') pipe.freeze()
      else pipe.thaw()
    }
    connection.allowance = fault.type === 'drop_answers' ? 0 : Infinity
    if (fault.type === 'cut') connection.allowance = fault.bytes
    if (fault.type === 'reset' || fault.type === 'refuse') connection.reset()
  }
}
