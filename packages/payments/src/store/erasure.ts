import type { Database, Queryable } from './database.ts'
import { listMovements } from './movements.ts'
import { statement } from './statements.ts'

/**
 * `erased`: what the payment said is gone, now or since an earlier erasure. `in_progress`: the payment, or a capture, void or
 * refund of it, is not final, so what it said may have to be sent again. `not_found`: there is no such payment.
 */
export type ErasureEffect = 'erased' | 'in_progress' | 'not_found'

const lock = statement<{ readonly id: string; readonly isFinal: boolean }>('lock_for_erasure')
const erase = statement('erase_details')

/**
 * Erases the free text and the personal data of a payment and of what was done about it. Amounts, statuses, times and keys
 * stay. `eraseCopies` erases what else was made of them, in the same transaction and after the details: what reads them
 * meanwhile holds their lock, so its copy is stored by then. May be repeated.
 */
export async function erasePayment(
  sql: Database,
  id: string,
  eraseCopies: (sql: Queryable, ids: readonly string[]) => Promise<void>,
): Promise<ErasureEffect> {
  return sql.begin(async (transaction) => {
    const rows = await lock(transaction, { id })
    if (rows.length === 0) return 'not_found'
    if (rows.some(({ isFinal }) => !isFinal)) return 'in_progress'
    const ids = rows.map((row) => row.id)
    // One that was made while this waited for the lock. No other follows, because it would need the lock.
    const movements = await listMovements(transaction, id)
    if (movements.some((movement) => !ids.includes(movement.id))) return 'in_progress'
    await erase(transaction, { ids })
    await eraseCopies(transaction, ids)
    return 'erased'
  }) as Promise<ErasureEffect>
}
