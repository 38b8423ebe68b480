import type { Socket } from 'node:net'
import type { Server } from './url.ts'

/** What a line is watched for; each is called at most once in a turn. */
export interface LineWatch {
  /** Longest silence of a server that owes an answer, in milliseconds; 0: no limit. */
  readonly silentAfterMs: number
  /** The silence from which on the server is suspected, in milliseconds; 0: never. */
  readonly suspectAfterMs: number
  onSilence(line: Line): void
  /** Called again and again while the silence lasts. */
  onSuspicion(line: Line): void
  /** Called when the server has refused a write because it takes none. */
  onReadOnly(line: Line): void
}

/** Type and length, with which every message begins but the first one of a client. */
const HEADER_BYTES = 5
const FLUSH = 0x48
const QUERY = 0x51
const SYNC = 0x53
const READY_FOR_QUERY = 0x5a

const NOTHING = Buffer.alloc(0)

/** SQLSTATE of a write that a standby or a read-only session refuses, as it stands in an error. */
const READ_ONLY = Buffer.from('C25006\0')
const ERROR_RESPONSE = 0x45
/** The state of a session outside of a transaction, in ReadyForQuery. */
const IDLE = 0x49
/** A suspicion is repeated after this long, in milliseconds, or after this share of the silence. */
const SUSPECT_EVERY_MS = 1_000
const SUSPECT_AGAIN = 0.2

/** A socket, and whether its server owes an answer: it answers each request with ReadyForQuery in the end. */
export class Line {
  readonly socket: Socket
  readonly server: Server
  readonly openedAt = performance.now()
  /** When the server was asked while it owed nothing, or last spoke while it owed an answer; `performance.now()`. */
  owesSince = 0
  readonly #watch: LineWatch
  #heardAt = performance.now()
  /** Answers that have not ended. The first one is to the start of the session. */
  #owed = 0
  #isStarted = false
  #isInTransaction = false
  #isLeaving = false
  /** Whether a request is counted whose Sync is not sent yet: the driver first has its statement described. */
  #isDescribing = false
  /** What is left of a message: bytes to pass over, or a header that has not arrived whole. */
  #skip = 0
  #head: Buffer = NOTHING
  /** Spans many replies, because a timer for each would cost more than the check. */
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, server: Server, watch: LineWatch) {
    this.socket = socket
    this.server = server
    this.#watch = watch
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

  /** Whether it owes no reply. */
  get isIdle(): boolean {
    return this.#owed === 0
  }

  /** Whether it owes no reply and has received nothing since `timestamp`. */
  isIdleSince(timestamp: number): boolean {
    return this.isIdle && this.#heardAt <= timestamp
  }

  /** Closes the socket as soon as no statement and no transaction is under way. */
  leave(): void {
    this.#isLeaving = true
    if (this.isIdle && !this.#isInTransaction) this.socket.destroy()
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
    this.#arm()
  }

  #count(type: number | undefined): void {
    if (type === QUERY || ((type === SYNC || type === FLUSH) && !this.#isDescribing)) this.#owed++
    if (type === FLUSH || type === SYNC) this.#isDescribing = type === FLUSH
  }

  #hear(bytes: Buffer): void {
    this.#heardAt = performance.now()
    this.owesSince = this.#heardAt
    const data = this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes])
    let isReadOnly = false
    let at = this.#skip
    for (; at + HEADER_BYTES <= data.length; at += 1 + data.readUInt32BE(at + 1)) {
      if (data[at] === READY_FOR_QUERY) {
        if (this.#owed > 0) this.#owed--
        this.#isInTransaction = data[at + HEADER_BYTES] !== IDLE
      } else if (data[at] === ERROR_RESPONSE)
        isReadOnly ||= data.subarray(at, at + 1 + data.readUInt32BE(at + 1)).includes(READ_ONLY)
    }
    this.#skip = Math.max(0, at - data.length)
    this.#head = at < data.length ? data.subarray(at) : NOTHING
    if (isReadOnly) this.#watch.onReadOnly(this)
    // Later in the turn: the driver reads the same bytes after this.
    if (this.#isLeaving && this.isIdle) setImmediate(() => this.leave())
  }

  #arm(): void {
    if (this.#timer !== undefined) return
    const { silentAfterMs, suspectAfterMs } = this.#watch
    const silentMs = performance.now() - this.owesSince
    const waits = [
      ...(silentAfterMs > 0 ? [silentAfterMs - silentMs] : []),
      ...(suspectAfterMs > 0 ? [Math.max(suspectAfterMs - silentMs, this.#suspectedAgain(silentMs))] : []),
    ]
    if (waits.length === 0) return
    // Later in the turn: an answer that came while this process stood still is read first.
    const check = (): void => void setImmediate(() => this.#check())
    this.#timer = setTimeout(check, Math.max(0, Math.min(...waits))).unref()
  }

  #check(): void {
    this.#timer = undefined
    if (this.#owed === 0) return
    const { silentAfterMs, suspectAfterMs } = this.#watch
    const silentMs = performance.now() - this.owesSince
    if (silentAfterMs > 0 && silentMs >= silentAfterMs) return this.#watch.onSilence(this)
    if (suspectAfterMs > 0 && silentMs >= suspectAfterMs) this.#watch.onSuspicion(this)
    this.#arm()
  }

  /** The wait until a server that is already suspected is suspected again; 0 before. */
  #suspectedAgain(silentMs: number): number {
    if (silentMs < this.#watch.suspectAfterMs) return 0
    // Less and less often: what runs for minutes is a migration or a report.
    return Math.max(SUSPECT_EVERY_MS, silentMs * SUSPECT_AGAIN)
  }
}
