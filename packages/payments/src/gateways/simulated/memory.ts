import { LRUCache } from 'lru-cache'
import type { ChargeOutcome } from '../gateway.ts'
import { fingerprintOf, LedgerFile, type AnyRequest, type FileLine, type Memory } from './ledger-file.ts'
import type { Intent, Reply, SimulatedCharge } from './server.ts'

export interface Stored {
  /** Absent when it came from the ledger file, which has its fingerprint. */
  readonly request?: AnyRequest | undefined
  readonly fingerprint?: string | undefined
  readonly outcome: ChargeOutcome
  readonly storedAt: number
}

export interface MemoryOptions {
  readonly keyTtlMs: number
  /** File where all of it is kept as well. @default none */
  readonly ledgerFile?: string | undefined
}

/** What acts leave behind. */
interface Books {
  readonly ledger: readonly SimulatedCharge[]
  readonly mismatches: number
}

/** Which key, and which charge, an act is about. */
interface About {
  readonly gatewayKey: string
  readonly chargeKey?: string
}

/** Charges, requests and keys that are remembered: a worker may run for months. An older key counts as expired. */
export const REMEMBERED = 100_000

/** What the simulated gateway remembers: in this process, or in a ledger file that outlives it. */
export class SimulatedMemory {
  readonly stored = new LRUCache<string, Stored>({ max: REMEMBERED })
  readonly sends = new LRUCache<string, number>({ max: REMEMBERED })
  /** The first charge under each key. */
  readonly intents = new LRUCache<string, Intent>({ max: REMEMBERED })
  /** What each key moved apart from charges, when that differs from its stored answer. */
  readonly moved = new LRUCache<string, ChargeOutcome>({ max: REMEMBERED })
  readonly #keyTtlMs: number
  readonly #file: LedgerFile | undefined

  constructor({ keyTtlMs, ledgerFile }: MemoryOptions) {
    this.#keyTtlMs = keyTtlMs
    if (ledgerFile !== undefined) this.#file = new LedgerFile(ledgerFile)
  }

  /** Returns what is stored under a key that has not expired. */
  recall(key: string): Stored | undefined {
    const found = this.stored.get(key)
    if (found === undefined || performance.now() - found.storedAt <= this.#keyTtlMs) return found
    this.stored.delete(key)
    return undefined
  }

  /** Carries out a request, unless the ledger file has no room for it. */
  carryOut(books: Books, request: AnyRequest, act: () => Reply): Reply {
    if (this.#file?.isFull === true) return { type: 'NOT_SENT', reason: 'the ledger file is full' }
    return this.keep(books, request, act, request)
  }

  /** Acts, and writes to the ledger file what that changed before anyone hears of it. */
  keep<Value>(books: Books, about: About, act: () => Value, request?: AnyRequest): Value {
    const file = this.#file
    if (file === undefined) return act()
    this.catchUp()
    const before = {
      memory: this.#memoryOf(about),
      charge: books.ledger.at(-1),
      mismatches: books.mismatches,
    }
    const text = JSON.stringify(before.memory)
    const value = act()
    const memory = this.#memoryOf(about)
    const charge = books.ledger.at(-1)
    const isMismatch = books.mismatches > before.mismatches
    const isChanged = charge !== before.charge || JSON.stringify(memory) !== text
    if (isChanged || request !== undefined)
      file.append({
        request,
        isMismatch,
        charge: charge === before.charge ? undefined : charge,
        moved: isChanged ? movedBy(request ?? this.stored.get(about.gatewayKey)?.request, memory) : undefined,
        memory: isChanged ? memory : undefined,
      })
    return value
  }

  /** Reads what other processes did. */
  catchUp(): void {
    this.#file?.read((line) => this.#enter(line))
  }

  #enter(line: FileLine): void {
    if (line.type === 'request' && line.key !== null)
      this.sends.set(line.key, (this.sends.get(line.key) ?? 0) + 1)
    if (line.memory === undefined) return
    const { key, stored, moved, intent } = line.memory
    const storedAt = performance.now() - (Date.now() - line.at)
    if (stored !== undefined) this.stored.set(key, { ...stored, storedAt })
    if (moved !== undefined) this.moved.set(key, moved)
    if (intent !== undefined) this.intents.set(intent.gatewayKey, intent)
  }

  #memoryOf({ gatewayKey: key, chargeKey = key }: About): Memory {
    const stored = this.stored.get(key)
    const fingerprint = stored?.fingerprint ?? (stored?.request && fingerprintOf(stored.request))
    return {
      key,
      stored:
        fingerprint === undefined || stored === undefined
          ? undefined
          : { fingerprint, outcome: stored.outcome },
      moved: this.moved.get(key),
      intent: this.intents.get(chargeKey),
    }
  }

  close(): void {
    this.#file?.close()
  }
}

/** Returns the capture, void or refund that a request did. */
function movedBy(request: AnyRequest | undefined, { stored, moved }: Memory) {
  const outcome = moved ?? stored?.outcome
  if (request === undefined || !('kind' in request) || outcome?.type !== 'SUCCEEDED') return undefined
  return { request: { ...request, amount: outcome.amount }, id: outcome.gatewayRef }
}
