import type { Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { TEST_CERTIFICATE, TEST_KEY, type TcpProxy } from '@titan/testkit'
import { openTcpProxy } from '@titan/testkit/vitest'

/** A TCP proxy in front of PostgreSQL that fails at chosen points of its protocol. */
export interface PostgresProxy {
  readonly url: string
  /** Closes the connection that next sends a statement with this text: it is executed and committed, its reply is lost. */
  loseAnswerTo(text: string): void
  /** Closes the connection that next sends a statement with this text, before the statement reaches the server. */
  loseStatement(text: string): void
  /** Resets the next `times` connections that send a statement with this text, before it reaches the server. */
  resetAt(text: string, times: number): void
  /** Closes every connection. New ones learn that the server is recovering from a crash, until `recover(false)`. */
  recover(isRecovering: boolean): void
  /** Losses that have happened. */
  readonly losses: number
}

/** ReadyForQuery, idle: the server has executed everything that it was sent, outside of a transaction. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

function errorResponse(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`)
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}

/** Starts a proxy that ends with the test. */
export async function startPostgresProxy(databaseUrl: string): Promise<PostgresProxy> {
  const armed = { answer: '', statement: '', reset: '', resets: 0 }
  let isRecovering = false
  let losses = 0

  async function greet(near: Socket): Promise<Socket | undefined> {
    if (!isRecovering) return near
    near.once('data', () => near.end(errorResponse('57P03', 'the database system is in recovery mode')))
    return undefined
  }

  const proxy = await openTcpProxy(databaseUrl, {
    greet,
    inspect({ close, reset }) {
      let isLosing = false
      const lose = (cut: () => void): false => {
        losses++
        cut()
        return false
      }
      return {
        request(chunk) {
          const has = (text: string): boolean => text !== '' && chunk.includes(text)
          if (armed.resets > 0 && has(armed.reset)) {
            armed.resets--
            return lose(reset)
          }
          if (has(armed.statement)) {
            armed.statement = ''
            return lose(close)
          }
          if (has(armed.answer)) {
            armed.answer = ''
            isLosing = true
          }
          return true
        },
        response: (chunk) => (isLosing && chunk.subarray(-READY.length).equals(READY) ? lose(close) : true),
      }
    },
  })

  return {
    url: proxy.through(databaseUrl),
    loseAnswerTo(text) {
      armed.answer = text
    },
    loseStatement(text) {
      armed.statement = text
    },
    resetAt(text, times) {
      armed.reset = text
      armed.resets = times
    },
    recover(is) {
      isRecovering = is
      if (is) void proxy.set({ type: 'reset' }).then(() => proxy.set())
    },
    get losses() {
      return losses
    },
  }
}

/** Starts a proxy that speaks TLS as PostgreSQL does, in front of one that need not. It ends with the test. */
export async function startTlsProxy(databaseUrl: string): Promise<TcpProxy> {
  const secureContext = createSecureContext({ key: TEST_KEY, cert: TEST_CERTIFICATE })
  return await openTcpProxy(databaseUrl, {
    greet: (raw) =>
      new Promise((resolve) => {
        raw.once('data', () => {
          raw.write('S')
          resolve(new TLSSocket(raw, { isServer: true, secureContext }))
        })
      }),
  })
}
