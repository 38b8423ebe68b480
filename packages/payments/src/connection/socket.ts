import { connect, Socket } from 'node:net'
import { encrypt, type Tls } from './tls.ts'
import type { Server } from './url.ts'

/** Opens an encrypted socket to a server. @throws Error with the reason when there is none in time */
export async function dial(server: Server, tls: Tls | undefined, timeoutMs: number): Promise<Socket> {
  const { host, port, path } = server
  let socket = breakAtOnce(path === undefined ? connect({ host, port, noDelay: true }) : connect({ path }))
  const reason = failure('ETIMEDOUT', `no connection to PostgreSQL at ${server.name} within ${timeoutMs} ms`)
  const timer = setTimeout(() => socket.destroy(reason), timeoutMs)
  try {
    await happens('connect', socket, server)
    if (tls !== undefined && (await mayEncrypt(socket, server, tls))) {
      socket = breakAtOnce(encrypt(socket, host, tls))
      await happens('secureConnect', socket, server)
    }
    // For the messages of the driver.
    return Object.assign(socket, { host, port })
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** Waits for an event of a socket that is being opened; rejects when the socket breaks first. */
async function happens(name: string, socket: Socket, server: Server): Promise<unknown> {
  const { promise: broken, reject } = Promise.withResolvers<never>()
  socket.on('error', reject)
  socket.once('close', () => reject(failure('ECONNRESET', `${server.name} closed the connection`)))
  return Promise.race([event(socket, name), broken])
}

/** Waits for an event. */
export function event(socket: Socket, name: string): Promise<unknown> {
  return new Promise((resolve) => socket.once(name, resolve))
}

/** A request to begin TLS, which the server answers with one byte: S or N. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/** Asks the server for TLS; false where it has none and need not. */
async function mayEncrypt(socket: Socket, server: Server, tls: Tls): Promise<boolean> {
  if (tls.isDirect) return true
  socket.write(SSL_REQUEST)
  const answer = String(await happens('data', socket, server))
  // More than one byte is not from the server, which may not speak before TLS has begun.
  if (answer === 'S') return true
  if (tls.isOptional && answer === 'N') return false
  throw new Error(`PostgreSQL at ${server.name} does not offer TLS, which sslmode=${tls.name} requires`)
}

/**
 * Lets a socket tell its error together with its end. The driver gives statements to a connection until it has ended,
 * and those that come between the two would never be answered.
 */
function breakAtOnce(socket: Socket): Socket {
  const destroy = socket.destroy.bind(socket)
  let reason: Error | undefined
  socket.destroy = (error) => {
    reason ??= error
    return destroy()
  }
  socket.once('close', () => {
    if (reason !== undefined) socket.emit('error', reason)
  })
  return socket
}

/** How long the server may take to close a connection that was ended, in milliseconds. */
const END_WITHIN_MS = 2_000

/** A server that is gone does not close what was ended, and an open socket keeps a process from its end. */
export function endInTime(socket: Socket): void {
  socket.once('finish', () => setTimeout(() => socket.destroy(), END_WITHIN_MS).unref())
}

/** Creates an error with a code. */
export function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

/** Creates a socket that breaks with a reason. */
export function brokenSocket(reason: Error): Socket {
  const broken = new Socket()
  setImmediate(() => broken.destroy(reason))
  return broken
}
