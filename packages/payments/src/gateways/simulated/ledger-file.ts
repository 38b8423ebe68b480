import { createHash, randomBytes } from 'node:crypto'
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import type { ChargeOutcome, ChargeRequest, MovementRequest } from '../gateway.ts'
import type { LedgerLine, LedgerMovement } from '../ledger.ts'
import { toStripeAmount } from '../stripe/amount.ts'
import type { Intent, SimulatedCharge } from './server.ts'

export type AnyRequest = ChargeRequest | MovementRequest

/** What the gateway remembers of a key, and of the charge that it is about. */
export interface Memory {
  readonly key: string
  /** The stored answer, and what it was to, in place of personal data. */
  readonly stored?: { readonly fingerprint: string; readonly outcome: ChargeOutcome } | undefined
  /** What the key moved, when that differs from its answer. */
  readonly moved?: ChargeOutcome | undefined
  readonly intent?: Intent | undefined
}

/** What the gateway did at once. */
export interface Deed {
  /** What was asked; absent when it acted by itself. */
  readonly request?: AnyRequest | undefined
  readonly isMismatch?: boolean
  /** Money that came in. */
  readonly charge?: SimulatedCharge | undefined
  /** The capture, void or refund that was done, and its id. */
  readonly moved?: { readonly request: MovementRequest; readonly id: string } | undefined
  /** Absent when nothing changed. */
  readonly memory?: Memory | undefined
}

/** One line: what every reader of ledgers knows, and what only this gateway does. */
export type FileLine = LedgerLine & {
  readonly at: number
  readonly by: string
  readonly memory?: Memory | undefined
}

/** A payment takes about one kilobyte; a comparison of sums needs every line, so none is dropped. */
const MOST_BYTES = 1_073_741_824
const CHUNK_BYTES = 1_048_576
const HALF_LINE_MS = 100
const LINE_FEED = 10

/**
 * The ledger of simulated gateways as a file of JSON lines, which several processes share: each reads what the others added
 * before it acts. Reads and writes at once, so that no other request of this process comes between.
 */
export class LedgerFile {
  readonly #path: string
  /** Whose lines these are: they are not read again. */
  readonly #by = randomBytes(6).toString('hex')
  #file: number | undefined
  #offset = 0
  /** Why a line is missing: from then on memory is ahead of the file. */
  #failure: Error | undefined

  constructor(path: string) {
    this.#path = path
  }

  get isFull(): boolean {
    return this.#offset >= MOST_BYTES
  }

  /** Reads the whole lines that others added, oldest first. @throws errors of the file system, and of lines that are none */
  read(enter: (line: FileLine) => void): void {
    if (this.#failure !== undefined) throw this.#failure
    let rest = this.#readLines(enter)
    if (rest === 0) return
    // A half line is being written, or it is all that a crash left of one, to which nothing may be added.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HALF_LINE_MS)
    rest = this.#readLines(enter)
    if (rest > 0) ftruncateSync(this.#open(), this.#offset)
  }

  /**
   * Adds what was done in one write, which outlives this process, but not the end of the machine.
   *
   * @throws errors of the file system, from then on
   */
  append(deed: Deed): void {
    const lines = linesOf(deed).map((line) => JSON.stringify({ at: Date.now(), by: this.#by, ...line }))
    const bytes = Buffer.from(`${lines.join('\n')}\n`)
    this.#failure = new Error(`${this.#path} cannot be written`)
    const file = this.#open()
    if (writeSync(file, bytes) < bytes.length) throw this.#failure
    this.#failure = undefined
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  #open(): number {
    this.#file ??= openSync(this.#path, 'a+', 0o600)
    return this.#file
  }

  /** Returns how many bytes of a half line follow. */
  #readLines(enter: (line: FileLine) => void): number {
    const file = this.#open()
    const { size } = fstatSync(file)
    let held = Buffer.alloc(0)
    while (this.#offset + held.length < size) {
      const from = this.#offset + held.length
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, size - from))
      held = Buffer.concat([held, chunk.subarray(0, readSync(file, chunk, 0, chunk.length, from))])
      const end = held.lastIndexOf(LINE_FEED) + 1
      for (const text of held.subarray(0, end).toString().split('\n')) {
        const line = text === '' ? undefined : (JSON.parse(text, revive) as FileLine)
        if (line !== undefined && line.by !== this.#by) enter(line)
      }
      this.#offset += end
      held = held.subarray(end)
    }
    return held.length
  }
}

function revive(name: string, value: unknown): unknown {
  return name === 'expiresAt' && typeof value === 'string' ? new Date(value) : value
}

type Line = LedgerLine & Pick<FileLine, 'memory'>

function linesOf({ request, isMismatch = false, charge, moved, memory }: Deed): Line[] {
  const id = `req_${randomBytes(8).toString('hex')}`
  const done = {
    charge: charge === undefined ? null : chargeLine(charge),
    movements: moved === undefined ? [] : [movementLine(moved)],
    memory,
  }
  if (request === undefined) return [{ type: 'settled', ...done }]
  const { gatewayKey: key, paymentId: reference } = request
  const facts = { id, at: Date.now(), key, reference, method: 'POST', path: pathOf(request) }
  const asked: Line = { type: 'request', ...facts, ...moneyOf(request) }
  const answered: Line = { type: 'answered', request: id, isMismatch }
  return memory === undefined ? [asked, answered] : [asked, { type: 'executed', ...done }, answered]
}

function chargeLine({ id, gatewayKey: key, paymentId: reference, ...money }: SimulatedCharge) {
  return { id, at: Date.now(), intentId: id, key, reference, ...moneyOf(money) }
}

function movementLine({ request, id }: NonNullable<Deed['moved']>): LedgerMovement {
  const { kind, gatewayKey: key, paymentId: payment, chargeRef: intentId } = request
  return { kind, id, at: Date.now(), intentId, key, payment, ...moneyOf(request), status: 'succeeded' }
}

/** Returns money as every ledger has it: in Stripe's units. */
function moneyOf({ amount, currency }: { readonly amount: number; readonly currency: string }) {
  return { amount: toStripeAmount(amount, currency) ?? amount, currency: currency.toLowerCase() }
}

/** Returns the path that the request has at Stripe. */
function pathOf(request: AnyRequest): string {
  if (!('kind' in request)) return '/v1/payment_intents'
  if (request.kind === 'refund') return '/v1/refunds'
  return `/v1/payment_intents/${request.chargeRef}/${request.kind === 'capture' ? 'capture' : 'cancel'}`
}

/** Returns a digest of a request that does not depend on the order of its members. */
export function fingerprintOf(request: AnyRequest): string {
  const text = JSON.stringify(request, (_name, value: unknown) =>
    typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
  return createHash('sha256').update(text).digest('hex')
}
