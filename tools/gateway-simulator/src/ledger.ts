import { enter, openBooks } from './books.ts'
import type { Charge, LedgerEntry, RequestEntry } from './ledger-entry.ts'
import { readLedgerEntries } from './ledger-file.ts'
import type { PaymentIntent } from './payment-intent.ts'

/** What a gateway's ledger says: the oracle of every statement about money. */
export interface GatewayLedger {
  /** Every charge ever made, in order. */
  readonly charges: readonly Charge[]
  /** Every request ever seen, in order, repeats included. */
  readonly requests: readonly RequestEntry[]
  /** Every intent as it is now. */
  readonly intents: readonly PaymentIntent[]
  /** Requests that used a known key with other parameters; must stay 0. */
  readonly mismatches: number
  /** The lines themselves. */
  readonly entries: readonly LedgerEntry[]
}

/**
 * Reads the ledger of a gateway simulator from disk, whether it runs or not.
 *
 * @throws the error of the file system when there is no such file
 */
export async function readLedger(path: string): Promise<GatewayLedger> {
  return summarize(await readLedgerEntries(path))
}

/** Folds the lines of a ledger. */
export function summarize(entries: readonly LedgerEntry[]): GatewayLedger {
  const books = openBooks()
  for (const entry of entries) enter(books, entry)
  return {
    charges: books.charges,
    requests: books.requests,
    intents: [...books.intents.values()],
    mismatches: books.mismatches,
    entries,
  }
}
