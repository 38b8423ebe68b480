import type { LedgerEntry } from '@titan/gateway-simulator'
import type { Database } from '@titan/payments'
import type { World } from './world.ts'

/** A breach, and the invariants that must find it: no other one may. */
export interface Breach {
  readonly name: string
  readonly breaks: readonly string[]
  readonly plant: (world: World) => Promise<unknown>
  readonly args?: readonly string[]
  /** What is named. @default the payment `paid` */
  readonly offender?: (world: World) => string
}

/** A breach that is planted in the database. */
export function inDatabase(
  statements: (sql: Database, ids: World['ids']) => Promise<unknown>,
): (world: World) => Promise<unknown> {
  return (world) => world.plant((sql) => statements(sql, world.ids))
}

/** Leaves a line of the ledger as it is. */
export const same = (entry: LedgerEntry): LedgerEntry => entry

/** A separate charge that came later. */
export async function charged(world: World, change: { reference: string | null }): Promise<LedgerEntry> {
  const charge = { ...(await world.chargeOf(world.ids.paid)), id: 'ch_late', intentId: 'pi_late', ...change }
  return { type: 'settled', at: charge.at, subject: charge.intentId, rows: {}, charge, movements: [] }
}

/** A request for 500 USD that the gateway saw. */
export function requested(what: { at: number; key: string | null; reference: string | null }): LedgerEntry {
  const endpoint = { method: 'POST', path: '/v1/payment_intents' }
  return { type: 'request', id: 'req_1', ...endpoint, amount: 500, currency: 'usd', behaviour: 'ok', ...what }
}

/** Ends or parks every payment that is under way: otherwise it would be in the way of --settled. */
export async function endAll({ store, ids, plant }: World): Promise<void> {
  for (const id of [ids.queued, ids.pending]) await store.cancel(id, { actor: 'api', reason: 'asked to' })
  await plant((sql) => sql`update payments set needs_review = true where status = 'PROCESSING'`)
}
