import { connect, isIP, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

interface DialerOptions {
  readonly tls: TlsMode | undefined
  /** Longest time until a socket is connected and encrypted, in milliseconds. */
  readonly connectTimeoutMs: number
  /** Longest silence of a socket that owes an answer, in milliseconds; 0: no limit. */
  readonly silentAfterMs: number
}

type TlsMode = NonNullable<ReturnType<typeof tlsModeOf>>

/** The part of the driver's options that names the servers. */
interface Target {
  readonly host: readonly string[]
  readonly port: readonly number[]
  /** A Unix socket. */
  readonly path?: string | false | undefined
}

interface Server {
  readonly host: string
  readonly port: number
  readonly path: string | undefined
  readonly name: string
}

/** The modes of libpq that encrypt without a look at the certificate. */
const UNVERIFIED = new Set(['allow', 'prefer', 'require'])

/** Reads the encryption that a database URL asks for, as the driver does; undefined for none. */
export function tlsModeOf(url: string) {
  // Not by URL, which refuses a list of hosts.
  const parameters = new URLSearchParams(/\?(.*)$/s.exec(url)?.[1] ?? '')
  const name =
    parameters.get('sslrootcert') === 'system'
      ? 'verify-full'
      : (parameters.get('sslmode') ?? parameters.get('ssl') ?? process.env['PGSSL'] ?? '')
  if (name === '' || name === 'disable' || name === 'false') return undefined
  const negotiation = parameters.get('sslnegotiation') ?? process.env['PGSSLNEGOTIATION']
  return {
    name,
    /** Whether the server's certificate and name are checked. */
    isVerified: !UNVERIFIED.has(name),
    /** Whether a server without TLS is spoken to in plain text. */
    isOptional: name === 'prefer',
    /** Whether TLS begins at once, without asking the server first. */
    isDirect: negotiation === 'direct',
  }
}

/**
 * Creates the dialer of one pool, for the driver's option `socket`. It never rejects, because the driver would then
 * wait for that connection without end: it resolves with a socket that breaks with the reason. It encrypts by itself,
 * because a socket that the driver has wrapped in TLS can no longer be watched.
 *
 * A socket that owes an answer and stays silent for `silentAfterMs` is destroyed, and with it every idle one of the pool
 * that has heard nothing since: they lead to the same server, and each would cost the next statement the same wait.
 */
export function createDialer({ tls, connectTimeoutMs, silentAfterMs }: DialerOptions) {
  const lines = new Set<Line>()
  let turn = 0

  async function open(target: Target): Promise<Socket> {
    const server = serverOf(target, turn++)
    try {
      const socket = await dial(server, tls, connectTimeoutMs)
      endInTime(socket)
      if (silentAfterMs > 0) watch(socket, server)
      return socket
    } catch (error) {
      const broken = new Socket()
      setImmediate(() => broken.destroy(error as Error))
      return broken
    }
  }

  function watch(socket: Socket, server: Server): void {
    const line = new Line(socket, silentAfterMs, () => giveUp(line, server))
    lines.add(line)
    socket.on('close', () => lines.delete(line))
  }

  function giveUp(silent: Line, server: Server): void {
    const idle = [...lines].filter((line) => line.isIdleSince(silent.owesSince))
    const gone = idle.map(({ socket }) => event(socket, 'close'))
    for (const { socket } of idle) socket.destroy()
    const reason = `PostgreSQL at ${server.name} gave no answer within ${silentAfterMs} ms`
    // The idle ones first: a caller that hears of the failure may send its next statement at once.
    void Promise.all(gone).then(() => silent.socket.destroy(failure('ETIMEDOUT', reason)))
  }

  return open
}

/** Type and length, with which every message begins but the first one of a client. */
const HEADER_BYTES = 5
const FLUSH = 0x48
const QUERY = 0x51
const SYNC = 0x53
const READY_FOR_QUERY = 0x5a

const NOTHING = Buffer.alloc(0)

/** A socket, and whether its server owes an answer: it answers each request with ReadyForQuery in the end. */
class Line {
  readonly socket: Socket
  /** When the server was asked while it owed nothing, or last spoke while it owed an answer; `performance.now()`. */
  owesSince = 0
  readonly #silentAfterMs: number
  readonly #onSilence: () => void
  #heardAt = performance.now()
  /** Answers that have not ended. The first one is to the start of the session. */
  #owed = 0
  #isStarted = false
  /** Whether a request is counted whose Sync is not sent yet: the driver first has its statement described. */
  #isDescribing = false
  /** What is left of a message: bytes to pass over, or a header that has not arrived whole. */
  #skip = 0
  #head: Buffer = NOTHING
  /** Spans many replies, because a timer for each would cost more than the check. */
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, silentAfterMs: number, onSilence: () => void) {
    this.socket = socket
    this.#silentAfterMs = silentAfterMs
    this.#onSilence = onSilence
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
    // The driver writes whole messages.
    socket.write = (bytes: Buffer, ...args: unknown[]) => {
      this.#ask(bytes)
      return write(bytes, ...args)
    }
    socket.on('data', (bytes: Buffer) => this.#hear(bytes))
    socket.on('close', () => {
      this.#owed = 0
    })
  }

  /** Whether it owes no reply and has received nothing since `timestamp`. */
  isIdleSince(timestamp: number): boolean {
    return this.#owed === 0 && this.#heardAt <= timestamp
  }

  #ask(bytes: Buffer): void {
    const before = this.#owed
    if (this.#isStarted)
      for (let at = 0; at + HEADER_BYTES <= bytes.length; at += 1 + bytes.readUInt32BE(at + 1))
        this.#count(bytes[at])
    else this.#owed = 1
    this.#isStarted = true
    if (before > 0 || this.#owed === 0) return
    this.owesSince = performance.now()
    this.#arm(this.#silentAfterMs)
  }

  #count(type: number | undefined): void {
    if (type === QUERY || ((type === SYNC || type === FLUSH) && !this.#isDescribing)) this.#owed++
    if (type === FLUSH || type === SYNC) this.#isDescribing = type === FLUSH
  }

  #hear(bytes: Buffer): void {
    this.#heardAt = performance.now()
    this.owesSince = this.#heardAt
    const data = this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes])
    let at = this.#skip
    for (; at + HEADER_BYTES <= data.length; at += 1 + data.readUInt32BE(at + 1))
      if (data[at] === READY_FOR_QUERY && this.#owed > 0) this.#owed--
    this.#skip = Math.max(0, at - data.length)
    this.#head = at < data.length ? data.subarray(at) : NOTHING
  }

  #arm(ms: number): void {
    // Later in the turn: an answer that came while this process stood still is read first.
    if (this.#timer === undefined)
      this.#timer = setTimeout(() => setImmediate(() => this.#check()), ms).unref()
  }

  #check(): void {
    this.#timer = undefined
    if (this.#owed === 0) return
    const leftMs = this.owesSince + this.#silentAfterMs - performance.now()
    if (leftMs > 0) this.#arm(leftMs)
    else this.#onSilence()
  }
}

function serverOf(target: Target, turn: number): Server {
  const index = turn % target.host.length
  const { [index]: host = 'localhost' } = target.host
  const { [index]: port = 5432 } = target.port
  const path = target.path === false ? undefined : target.path
  return { host, port, path, name: path ?? `${host}:${port}` }
}

async function dial(server: Server, tls: TlsMode | undefined, timeoutMs: number): Promise<Socket> {
  const { host, port, path } = server
  let socket = breakAtOnce(path === undefined ? connect({ host, port, noDelay: true }) : connect({ path }))
  const reason = failure('ETIMEDOUT', `no connection to PostgreSQL at ${server.name} within ${timeoutMs} ms`)
  const timer = setTimeout(() => socket.destroy(reason), timeoutMs)
  try {
    await happens('connect', socket, server)
    if (tls !== undefined && (await mayEncrypt(socket, server, tls))) {
      socket = breakAtOnce(encrypt(socket, server, tls))
      await happens('secureConnect', socket, server)
    }
    return socket
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

function event(socket: Socket, name: string): Promise<unknown> {
  return new Promise((resolve) => socket.once(name, resolve))
}

/** A request to begin TLS, which the server answers with one byte: S or N. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/** Asks the server for TLS; false where it has none and need not. */
async function mayEncrypt(socket: Socket, server: Server, tls: TlsMode): Promise<boolean> {
  if (tls.isDirect) return true
  socket.write(SSL_REQUEST)
  const answer = String(await happens('data', socket, server))
  // More than one byte is not from the server, which may not speak before TLS has begun.
  if (answer === 'S') return true
  if (tls.isOptional && answer === 'N') return false
  throw new Error(`PostgreSQL at ${server.name} does not offer TLS, which sslmode=${tls.name} requires`)
}

function encrypt(socket: Socket, { host }: Server, tls: TlsMode): Socket {
  return connectTls({
    socket,
    host,
    rejectUnauthorized: tls.isVerified,
    ...(isIP(host) === 0 && { servername: host }),
    ...(tls.isDirect && { ALPNProtocols: ['postgresql'] }),
  })
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
function endInTime(socket: Socket): void {
  socket.once('finish', () => setTimeout(() => socket.destroy(), END_WITHIN_MS).unref())
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
