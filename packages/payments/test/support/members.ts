import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** An address that leads to the PostgreSQL of the test run, and says of itself what a test wants to hear. */
export interface Member {
  readonly port: number
  isStandby: boolean
  timeline: number
  cluster: string
  /** Connections for statements that it has accepted. */
  readonly accepted: number
  /** Says nothing any more, on open connections and on new ones, and keeps them all, as a machine that is stopped does. */
  freeze(): void
  thaw(): void
  /** Closes all connections and refuses new ones. */
  close(): void
}

/** Starts a member that ends with the test. */
export async function startMember(url: string, { isStandby = false, timeline = 1 } = {}): Promise<Member> {
  const { hostname, port: realPort } = new URL(url)
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
  }
  let isFrozen = false
  const server = createServer((near) => {
    keep(near).once('data', (startup: Buffer) => {
      if (startup.includes('titan-role')) return answer(near)
      accepted++
      const far = keep(connect(Number(realPort), hostname))
      far.write(startup)
      near.pipe(far)
      far.pipe(near)
      near.on('close', () => far.destroy())
      far.on('close', () => near.destroy())
    })
    if (isFrozen) near.pause()
  })
  let accepted = 0

  /** Speaks the protocol of the server to one that asks what it is. */
  function answer(near: Socket): void {
    near.write(Buffer.concat([message('R', int32(0)), READY]))
    near.on('data', (bytes: Buffer) => {
      if (bytes[0] !== QUERY) return
      if (bytes.includes('pg_is_in_recovery'))
        near.write(row('isStandby', BOOLEAN, member.isStandby ? 't' : 'f'))
      else {
        const isCluster = bytes.includes('system_identifier')
        near.write(row('value', TEXT, isCluster ? member.cluster : String(member.timeline)))
      }
    })
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = (): void => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  onTestFinished(close)
  const address = server.address()
  const member: Member = {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    isStandby,
    timeline,
    cluster: '1',
    get accepted() {
      return accepted
    },
    freeze() {
      isFrozen = true
      for (const socket of sockets) socket.pause()
    },
    thaw() {
      isFrozen = false
      for (const socket of sockets) socket.resume()
    },
    close,
  }
  return member
}

const QUERY = 0x51
const BOOLEAN = 16
const TEXT = 25

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int16(value: number): Buffer {
  return int32(value).subarray(2)
}

function message(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
}

const READY = message('Z', Buffer.from('I'))

/** The answer to a query: one row of one column. */
function row(name: string, type: number, value: string): Buffer {
  const column = [Buffer.from(`${name}\0`), int32(0), int16(0), int32(type), int16(4), int32(-1), int16(0)]
  return Buffer.concat([
    message('T', int16(1), ...column),
    message('D', int16(1), int32(value.length), Buffer.from(value)),
    message('C', Buffer.from('SELECT 1\0')),
    READY,
  ])
}
