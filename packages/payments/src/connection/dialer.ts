import type { Socket } from 'node:net'
import { Line } from './line.ts'
import type { Servers } from './servers.ts'
import { brokenSocket, dial, endInTime, failure } from './socket.ts'
import type { Tls } from './tls.ts'
import type { Server } from './url.ts'

interface DialerOptions {
  readonly tls: Tls | undefined
  /** Longest time until a socket is connected and encrypted, in milliseconds. */
  readonly connectTimeoutMs: number
  /** Longest silence of a socket that owes an answer, in milliseconds; 0: no limit. */
  readonly silentAfterMs: number
}

/** The silence from which on the other servers are asked whether one of them is the primary now, in milliseconds. */
const SUSPECT_AFTER_MS = 2_000

/**
 * Creates the dialer of one pool, for the driver's option `socket`. It never rejects, because the driver would then
 * wait for that connection without end: it resolves with a socket that breaks with the reason. It encrypts by itself,
 * because a socket that the driver has wrapped in TLS can no longer be watched.
 *
 * A socket that owes an answer and stays silent for `silentAfterMs` is destroyed, and with it every idle one to that server
 * that has heard nothing since: each would cost the next statement the same wait.
 */
export function createDialer(servers: Servers, { tls, connectTimeoutMs, silentAfterMs }: DialerOptions) {
  async function connect(): Promise<{ socket: Socket; server: Server }> {
    const server = await servers.choose()
    try {
      return { socket: await dial(server, tls, connectTimeoutMs), server }
    } catch (error) {
      servers.forget()
      if (!servers.hasOthers) throw error
      const next = await servers.choose()
      return { socket: await dial(next, tls, connectTimeoutMs), server: next }
    }
  }

  return async function open(): Promise<Socket> {
    try {
      const { socket, server } = await connect()
      endInTime(socket)
      servers.add(
        new Line(socket, server, {
          silentAfterMs,
          suspectAfterMs: servers.hasOthers ? SUSPECT_AFTER_MS : 0,
          onSilence: (line) => {
            const reason = `PostgreSQL at ${server.name} gave no answer within ${silentAfterMs} ms`
            servers.giveUp(line, failure('ETIMEDOUT', reason))
          },
          onSuspicion: () => servers.suspect(),
          onReadOnly: () => servers.leave(server),
        }),
      )
      return socket
    } catch (error) {
      return brokenSocket(error as Error)
    }
  }
}
