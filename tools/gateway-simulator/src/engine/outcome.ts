import type { Change, Charge } from '../ledger/entry.ts'
import type { CardRow } from '../model/cards.ts'
import { authorize, decline, succeed, type IntentRow } from '../model/intent.ts'
import { declineOf } from '../stripe/declines.ts'
import type { Happening } from '../stripe/event.ts'
import { movementOf } from './call.ts'

/** What became of a charge: the change without its time, and what happened. */
export interface Outcome extends Omit<Change, 'at'> {
  readonly intent: IntentRow
  readonly happenings: readonly Happening[]
}

interface Given {
  readonly card: CardRow
  readonly isAuthenticated: boolean
  readonly now: number
}

/** Moves the money of an intent, or sets it aside until `captureBefore` when the client captures itself. */
export function takeMoney(before: IntentRow, given: Given, captureBefore: number): Outcome {
  if (before.captureMethod !== 'manual') {
    const intent = succeed(before, given)
    const happenings = happeningsOf(intent, ['charge.succeeded', 'payment_intent.succeeded'])
    return { intent, rows: { intent }, charge: moneyOf(intent, given.now), movements: [], happenings }
  }
  const intent = authorize(before, given, captureBefore)
  const { charge, amount, key } = intent
  const movements =
    charge === null ? [] : [movementOf('authorization', intent, charge, { at: given.now, key, amount })]
  const types = ['charge.succeeded', 'payment_intent.amount_capturable_updated'] as const
  return { intent, rows: { intent }, charge: null, movements, happenings: happeningsOf(intent, types) }
}

/** Lets the card's bank decline. */
export function refuseMoney(before: IntentRow, given: Given, declineCode: string): Outcome {
  const intent = decline(before, given, declineOf(declineCode))
  const happenings = happeningsOf(intent, ['charge.failed', 'payment_intent.payment_failed'])
  return { intent, rows: { intent }, charge: null, movements: [], happenings }
}

/** Lists what happened to an intent. */
export function happeningsOf(intent: IntentRow, types: readonly Happening['type'][]): Happening[] {
  return types.map((type) => ({ type, intent }))
}

/** Creates the ledger's line about money that moved. */
export function moneyOf(
  { id, key, charge, metadata, currency, amountReceived }: IntentRow,
  at: number,
): Charge {
  if (charge === null) throw new Error(`${id} has no charge`)
  const reference = metadata['payment_id'] ?? null
  return { id: charge.id, at, intentId: id, key, reference, amount: amountReceived, currency }
}
