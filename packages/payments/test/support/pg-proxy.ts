import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A TCP proxy in front of PostgreSQL that fails at chosen moments of its protocol. */
export interface PostgresProxy {
  readonly url: string
  /** Cuts the connection that next sends a statement with this text: it is carried out and committed, its answer is lost. */
  loseAnswerTo(text: string): void
  /** Cuts the connection that next sends a statement with this text, before it reaches the server. */
  loseStatement(text: string): void
  /** Resets the connections that next send a statement with this text, so many of them, before it reaches the server. */
  resetAt(text: string, times: number): void
  /** Ends every connection. New ones are told that the server recovers from a crash, until `recover(false)`. */
  recover(isRecovering: boolean): void
  /** Losses that have happened. */
  readonly losses: number
}

/** The server has carried out all that it was sent, outside of a transaction: ReadyForQuery, idle. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

function errorResponse(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`)
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}

/** A proxy that ends with the test. */
export async function startPostgresProxy(databaseUrl: string): Promise<PostgresProxy> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let lostAnswer: string | undefined
  let lostStatement: string | undefined
  let resetting = { text: '', times: 0 }
  let isRecovering = false
  let losses = 0

  function track(socket: Socket): Socket {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    return socket
  }

  const server = createServer((near) => {
    track(near)
    if (isRecovering) {
      near.once('data', () => near.end(errorResponse('57P03', 'the database system is in recovery mode')))
      return
    }
    const far = track(connect(Number(target.port), target.hostname))
    let isLosing = false
    const cut = (): void => {
      losses++
      near.destroy()
      far.destroy()
    }
    near.on('data', (chunk: Buffer) => {
      if (resetting.times > 0 && chunk.includes(resetting.text)) {
        resetting.times--
        near.resetAndDestroy()
        return cut()
      }
      if (lostStatement !== undefined && chunk.includes(lostStatement)) {
        lostStatement = undefined
        return cut()
      }
      if (lostAnswer !== undefined && chunk.includes(lostAnswer)) {
        lostAnswer = undefined
        isLosing = true
      }
      far.write(chunk)
    })
    far.on('data', (chunk: Buffer) => {
      if (isLosing && chunk.subarray(-READY.length).equals(READY)) cut()
      else near.write(chunk)
    })
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const url = new URL(databaseUrl)
  url.host = `127.0.0.1:${address.port}`
  return {
    url: url.href,
    loseAnswerTo(text) {
      lostAnswer = text
    },
    loseStatement(text) {
      lostStatement = text
    },
    resetAt(text, times) {
      resetting = { text, times }
    },
    recover(is) {
      isRecovering = is
      if (is) for (const socket of sockets) socket.destroy()
    },
    get losses() {
      return losses
    },
  }
}
