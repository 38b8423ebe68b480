import { open, readFile, type FileHandle } from 'node:fs/promises'
import type { Charge, LedgerEntry, RequestEntry, Schedule, StoredAnswer } from './ledger-entry.ts'
import type { PaymentIntent } from './payment-intent.ts'

/** Everything that the lines of a ledger say. */
class Books {
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
  const books = new Books()
  for (const entry of parse(await readFile(path)).entries) books.enter(entry)
  return books.summary()
}

interface Waiting {
  readonly entry: LedgerEntry
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** The ledger of a running simulator: an append-only file of JSON lines, and what it says. */
export class Ledger extends Books {
  readonly #file: FileHandle
  #waiting: Waiting[] = []
  #writing: Promise<void> | undefined
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
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject })
      this.#writing ??= this.#write()
    })
    this.enter(entry)
  }

  /** Waits for what was recorded. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#writing
    await this.#file.close()
  }

  /** Writes and syncs once for all entries that came while the last write was under way. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#file.appendFile(batch.map(({ entry }) => `${JSON.stringify(entry)}\n`).join(''))
        await this.#file.datasync()
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#writing = undefined
  }
}

function parse(bytes: Buffer): { entries: LedgerEntry[]; soundBytes: number } {
  const soundBytes = bytes.lastIndexOf(0x0a) + 1
  const lines = bytes.subarray(0, soundBytes).toString('utf8').split('\n')
  const entries = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as LedgerEntry)
  return { entries, soundBytes }
}
