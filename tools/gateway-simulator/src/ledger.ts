import { open, readFile, type FileHandle } from 'node:fs/promises'
import type { Charge, LedgerEntry, RequestEntry, Schedule, StoredAnswer } from './ledger-entry.ts'
import type { PaymentIntent } from './payment-intent.ts'

/** Everything that the lines of a ledger say. */
class LedgerIndex {
  readonly charges: Charge[] = []
  readonly requests: RequestEntry[] = []
  /** In the order they were made, by id, each as it is now. */
  readonly intents = new Map<string, PaymentIntent>()
  /** What is stored under each idempotency key. Its time to live begins `at`, in epoch milliseconds. */
  readonly keys = new Map<string, { at: number; fingerprint: string; answer: StoredAnswer }>()
  /** Outcomes that are still to come, by intent. */
  readonly schedules = new Map<string, Schedule>()
  readonly keyOfIntent = new Map<string, string | null>()
  /** Requests that used a key with other parameters. */
  mismatches = 0

  enter(entry: LedgerEntry): void {
    if (entry.type === 'request') this.requests.push(entry)
    if (entry.type === 'answered' && entry.isMismatch) this.mismatches++
    if (entry.type !== 'executed' && entry.type !== 'settled') return
    const { intent, charge } = entry
    if (intent !== null) this.intents.set(intent.id, intent)
    if (charge !== null) this.charges.push(charge)
    if (entry.type === 'settled') {
      this.schedules.delete(entry.intent.id)
      return
    }
    const { at, key, fingerprint, answer, schedule } = entry
    if (intent !== null) this.keyOfIntent.set(intent.id, key)
    if (key !== null) this.keys.set(key, { at, fingerprint, answer })
    if (schedule !== null) this.schedules.set(schedule.intentId, schedule)
  }

  summary(): GatewayLedger {
    const { charges, requests, intents, mismatches } = this
    return { charges, requests, intents: [...intents.values()], mismatches }
  }
}

/** What a gateway's ledger says: the oracle of every statement about money. */
export interface GatewayLedger {
  /** In order. */
  readonly charges: readonly Charge[]
  /** In order, repeats included. */
  readonly requests: readonly RequestEntry[]
  /** Each as it is now. */
  readonly intents: readonly PaymentIntent[]
  /** Requests that used a known key with other parameters; must stay 0. */
  readonly mismatches: number
}

/**
 * Reads the ledger of a gateway simulator from disk, whether it runs or not. Leaves out a line that is half written.
 *
 * @throws the error of the file system when there is no such file
 */
export async function readLedger(path: string): Promise<GatewayLedger> {
  const index = new LedgerIndex()
  for (const entry of parse(await readFile(path)).entries) index.enter(entry)
  return index.summary()
}

/** The ledger of a running simulator: an append-only file of JSON lines, and what it says. */
export class Ledger extends LedgerIndex {
  readonly #file: FileHandle
  /** Lines for the next write. */
  readonly #lines: string[] = []
  #next: Promise<void> | undefined
  #last = Promise.resolve()
  #isClosed = false

  private constructor(file: FileHandle) {
    super()
    this.#file = file
  }

  /** Opens the ledger, creates it if need be, and cuts off a line that a crash left half written. */
  static async open(path: string): Promise<Ledger> {
    const file = await open(path, 'a+', 0o600)
    const { entries, soundBytes } = parse(await readFile(path))
    await file.truncate(soundBytes)
    const ledger = new Ledger(file)
    for (const entry of entries) ledger.enter(entry)
    return ledger
  }

  /** Resolves when the entry is on disk, whatever happens afterwards. Nothing is true before. */
  async record(entry: LedgerEntry): Promise<void> {
    if (this.#isClosed) throw new Error('the ledger is closed')
    this.#lines.push(`${JSON.stringify(entry)}\n`)
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

function parse(bytes: Buffer): { entries: LedgerEntry[]; soundBytes: number } {
  const soundBytes = bytes.lastIndexOf(0x0a) + 1
  const lines = bytes.subarray(0, soundBytes).toString('utf8').split('\n')
  const entries = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as LedgerEntry)
  return { entries, soundBytes }
}
