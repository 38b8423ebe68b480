import type {
  Charge,
  ExecutedEntry,
  LedgerEntry,
  RequestEntry,
  Schedule,
  StoredAnswer,
} from './ledger-entry.ts'
import type { PaymentIntent } from './payment-intent.ts'

/** What is stored under an idempotency key. */
export interface KeyRecord {
  /** When it was stored, epoch milliseconds: its shelf life begins here. */
  readonly at: number
  readonly fingerprint: string
  readonly answer: StoredAnswer
}

/** Everything that a ledger says, folded. */
export interface Books {
  /** In the order they were made. */
  readonly charges: Charge[]
  /** In the order they were seen. */
  readonly requests: RequestEntry[]
  /** In the order they were made, by id, each as it is now. */
  readonly intents: Map<string, PaymentIntent>
  readonly keys: Map<string, KeyRecord>
  /** Outcomes that are still to come, by intent. */
  readonly schedules: Map<string, Schedule>
  /** The key each intent was made under. */
  readonly keyOfIntent: Map<string, string | null>
  /** Requests that used a key with other parameters. */
  mismatches: number
}

/** Books of an empty ledger. */
export function openBooks(): Books {
  return {
    charges: [],
    requests: [],
    intents: new Map(),
    keys: new Map(),
    schedules: new Map(),
    keyOfIntent: new Map(),
    mismatches: 0,
  }
}

/** Enters one line. The same at the start, from the file, and while running. */
export function enter(books: Books, entry: LedgerEntry): void {
  switch (entry.type) {
    case 'request':
      books.requests.push(entry)
      break
    case 'executed':
      enterExecuted(books, entry)
      break
    case 'settled':
      books.intents.set(entry.intent.id, entry.intent)
      books.schedules.delete(entry.intent.id)
      if (entry.charge !== null) books.charges.push(entry.charge)
      break
    case 'answered':
      if (entry.isMismatch) books.mismatches++
      break
    case 'opened':
    case 'webhook':
      break
  }
}

function enterExecuted(books: Books, entry: ExecutedEntry): void {
  const { at, key, fingerprint, intent, charge, answer, schedule } = entry
  if (intent !== null) {
    books.intents.set(intent.id, intent)
    books.keyOfIntent.set(intent.id, key)
  }
  if (charge !== null) books.charges.push(charge)
  if (key !== null) books.keys.set(key, { at, fingerprint, answer })
  if (schedule !== null) books.schedules.set(schedule.intentId, schedule)
}
