import type { Database } from '@titan/payments'
import type { Snapshot } from '../../src/verify/snapshot.ts'

/** Ends a transaction of which nothing is to stay. */
class Undone extends Error {}

/** What `look` sees after `statements`, of which nothing stays: no copy of the database is needed for each breach. */
export async function afterPlanting<Value>(
  sql: Database,
  statements: string,
  look: (inside: Database) => Promise<Value>,
): Promise<Value> {
  let seen: { readonly value: Value } | undefined
  const undone = sql.begin(async (transaction) => {
    await transaction.unsafe(statements)
    seen = { value: await look(asDatabase(transaction)) }
    throw new Undone()
  })
  await undone.catch((error: unknown) => {
    if (!(error instanceof Undone)) throw error
  })
  if (seen === undefined) throw new Error('nothing was looked at')
  return seen.value
}

/** A transaction that passes for the pool: whoever begins another one is already in it. */
function asDatabase(transaction: Snapshot): Database {
  const begin = (_level: string, read: (own: Snapshot) => Promise<unknown>): Promise<unknown> =>
    read(transaction)
  return new Proxy(transaction as unknown as Database, {
    get: (target, name, receiver) => (name === 'begin' ? begin : Reflect.get(target, name, receiver)),
  })
}

/** Runs statements while no trigger fires and no reference is checked. */
export function withoutTriggers(statements: string): string {
  return `set local session_replication_role = replica; ${statements}; set local session_replication_role = origin`
}
