import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { openPipe, type Pipe } from './pipe.ts'

/** What a network does to connections. */
export type NetworkFault =
  /** Nobody listens; open connections are reset. */
  | { readonly type: 'refuse' }
  /** Connections are reset, those that are open and new ones as soon as they are made. */
  | { readonly type: 'reset' }
  /** Nothing passes, and nobody is told. What was sent meanwhile arrives when the fault is over. */
  | { readonly type: 'blackhole' }
  /** Everything arrives so much later, both ways. */
  | { readonly type: 'delay'; readonly ms: number }
  /** Each connection is reset when so many more bytes of answers would have passed. */
  | { readonly type: 'cut'; readonly bytes: number }
  /** Requests are delivered, and the connection is reset instead of the answer. */
  | { readonly type: 'drop_answers' }

/** A TCP proxy that can be every bad network. */
export interface TcpProxy {
  readonly port: number
  /** Makes the network bad, or good again; resolves when it is. */
  set(fault: NetworkFault | undefined): Promise<void>
  /** Idempotent. */
  close(): Promise<void>
}

interface Connection {
  readonly near: Socket
  readonly up: Pipe
  readonly down: Pipe
  /** Bytes of answers that may still pass. */
  allowance: number
  reset(): void
}

/** Forwards connections to the port that `target` names at the moment; while it names none they are reset. */
export async function startTcpProxy(target: () => number | undefined): Promise<TcpProxy> {
  const connections = new Set<Connection>()
  let fault: NetworkFault | undefined
  let server: Server | undefined = await listen(0, accept)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const { port } = address

  function accept(near: Socket): void {
    near.on('error', () => undefined)
    const to = target()
    if (to === undefined || fault?.type === 'reset') {
      near.resetAndDestroy()
      return
    }
    const far = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true })
    far.on('error', () => undefined)
    const connection: Connection = {
      near,
      up: openPipe(near, far, () => true),
      down: openPipe(far, near, (bytes) => mayAnswer(connection, bytes)),
      allowance: Infinity,
      reset() {
        connections.delete(connection)
        connection.up.close()
        connection.down.close()
        near.resetAndDestroy()
        far.resetAndDestroy()
      },
    }
    connections.add(connection)
    for (const socket of [near, far])
      socket.on('close', (hadError) => {
        // An end in good order is passed on by the pipes, after what is still on its way.
        if (hadError) connection.reset()
        else connections.delete(connection)
      })
    impose(connection)
  }

  function mayAnswer(connection: Connection, bytes: number): boolean {
    connection.allowance -= bytes
    if (connection.allowance >= 0) return true
    connection.reset()
    return false
  }

  function impose(connection: Connection): void {
    const { up, down } = connection
    const delayMs = fault?.type === 'delay' ? fault.ms : 0
    for (const pipe of [up, down]) {
      pipe.delay(delayMs)
      if (fault?.type === 'blackhole') pipe.freeze()
      else pipe.thaw()
    }
    connection.allowance = allowanceOf(fault)
    if (fault?.type === 'reset' || fault?.type === 'refuse') connection.reset()
  }

  async function set(next: NetworkFault | undefined): Promise<void> {
    fault = next
    if (fault?.type === 'refuse') {
      server?.close()
      server = undefined
    }
    for (const connection of connections) impose(connection)
    if (fault?.type !== 'refuse') server ??= await listen(port, accept)
  }

  return {
    port,
    set,
    async close() {
      const closing = server && once(server, 'close')
      server?.close()
      server = undefined
      for (const connection of connections) connection.reset()
      await closing
    },
  }
}

function allowanceOf(fault: NetworkFault | undefined): number {
  if (fault?.type === 'drop_answers') return 0
  return fault?.type === 'cut' ? fault.bytes : Infinity
}

const LISTEN_AGAIN_MS = 50

/** A port that is ours may be taken by a passing connection for a moment. */
async function listen(port: number, accept: (socket: Socket) => void): Promise<Server> {
  for (;;) {
    const server = createServer({ allowHalfOpen: true }, accept)
    try {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      return server
    } catch (error) {
      if (port === 0) throw error
      await pause(LISTEN_AGAIN_MS)
    }
  }
}
