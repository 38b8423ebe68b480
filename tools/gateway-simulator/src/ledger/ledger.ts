import { createReadStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type Stripe from 'stripe'
import type { IntentRow } from '../model/intent.ts'
import type { RefundRow } from '../model/refund.ts'
import { paymentIntentOf } from '../stripe/payment-intent.ts'
import { refundOf } from '../stripe/refund.ts'
import type { Charge, LedgerEntry, Movement, RequestEntry } from './entry.ts'
import { GatewayState } from './state.ts'

/** What a gateway's ledger says: the oracle of every statement about money. */
export interface GatewayLedger {
  /** In order. */
  readonly charges: readonly Charge[]
  /** Authorizations, captures, voids and refunds in order, each as it is now. */
  readonly movements: readonly Movement[]
  /** In order, repeats included. */
  readonly requests: readonly RequestEntry[]
  /** Each as it is now. */
  readonly intents: readonly Stripe.PaymentIntent[]
  /** Each as it is now. */
  readonly refunds: readonly Stripe.Refund[]
  /** Requests that used a known key with other parameters; must stay 0. */
  readonly mismatches: number
}

/**
 * Reads the ledger of a gateway simulator from disk, whether it runs or not. Leaves out a line that is half written.
 *
 * @throws the error of the file system when there is no such file
 */
export async function readLedger(path: string): Promise<GatewayLedger> {
  const charges: Charge[] = []
  const movements = new Map<string, Movement>()
  const requests: RequestEntry[] = []
  const intents = new Map<string, IntentRow>()
  const refunds = new Map<string, RefundRow>()
  let mismatches = 0
  for await (const { entry } of entriesOf(path)) {
    if (entry.type === 'request') requests.push(entry)
    if (entry.type === 'answered' && entry.isMismatch) mismatches++
    if (entry.type !== 'executed' && entry.type !== 'settled') continue
    if (entry.charge !== null) charges.push(entry.charge)
    for (const movement of entry.movements) movements.set(`${movement.kind} ${movement.id}`, movement)
    const { intent, refunds: changed = [] } = entry.rows
    if (intent !== undefined) intents.set(intent.id, intent)
    for (const refund of changed) refunds.set(refund.id, refund)
  }
  return {
    charges,
    movements: [...movements.values()],
    requests,
    intents: [...intents.values()].map(paymentIntentOf),
    refunds: [...refunds.values()].map(refundOf),
    mismatches,
  }
}

/** The ledger of a running simulator: an append-only file of JSON lines, and the objects that it describes. */
export class Ledger extends GatewayState {
  readonly path: string
  readonly #file: FileHandle
  /** Lines for the next write. */
  readonly #lines: string[] = []
  #next: Promise<void> | undefined
  #last = Promise.resolve()
  #isClosed = false

  private constructor(path: string, file: FileHandle, keyTtlMs: number) {
    super(keyTtlMs)
    this.path = path
    this.#file = file
  }

  /** Opens the ledger, creates it if need be, and cuts off a line that a crash left half written. */
  static async open(path: string, keyTtlMs = 86_400_000): Promise<Ledger> {
    const file = await open(path, 'a+', 0o600)
    const ledger = new Ledger(path, file, keyTtlMs)
    let soundBytes = 0
    for await (const { entry, end } of entriesOf(path)) {
      ledger.enter(entry)
      soundBytes = end
    }
    await file.truncate(soundBytes)
    return ledger
  }

  /** Resolves when the entry is on disk, whatever happens afterwards. Nothing is true before. */
  async record(entry: LedgerEntry): Promise<void> {
    if (this.#isClosed) throw new Error('the ledger is closed')
    this.#lines.push(`${lineOf(entry)}\n`)
    this.#next ??= this.#last = this.#writeAfter(this.#last)
    await this.#next
    this.enter(entry)
  }

  /** Waits for what was recorded. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#last.catch(() => {})
    await this.#file.close()
  }

  /** Writes and syncs once for all lines that come while the last write is under way. */
  async #writeAfter(last: Promise<void>) {
    await last.catch(() => {})
    const lines = this.#lines.splice(0).join('')
    this.#next = undefined
    await this.#file.appendFile(lines)
    await this.#file.datasync()
  }
}

/** Writes an entry as one line for every reader: some take the separators of Unicode for line feeds. */
function lineOf(entry: LedgerEntry): string {
  return JSON.stringify(entry).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
}

/** Reads the whole lines of a ledger, with the byte at which each ends. */
async function* entriesOf(path: string): AsyncGenerator<{ entry: LedgerEntry; end: number }> {
  let end = 0
  let held: string | undefined
  const bytes = createReadStream(path)
  // The last line is whole only when the file ends with its line feed.
  for await (const text of createInterface({ input: bytes, crlfDelay: Infinity })) {
    if (held !== undefined) {
      end += Buffer.byteLength(held) + 1
      yield { entry: JSON.parse(held) as LedgerEntry, end }
    }
    held = text
  }
  if (held === undefined || bytes.bytesRead !== end + Buffer.byteLength(held) + 1) return
  end += Buffer.byteLength(held) + 1
  yield { entry: JSON.parse(held) as LedgerEntry, end }
}
