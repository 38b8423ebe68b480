import type { Database } from '@titan/payments'
import { textOf } from '@titan/queue-core/text-of'
import { beginAct, endAct, type Act } from './statements/audit.ts'

export type { Act, Actor } from './statements/audit.ts'

/** Does an act with a record of it. `perform` answers what came of it, in a few words for people. */
export type Audited = (act: Act, perform: () => Promise<string>) => Promise<string>

/**
 * Creates the recorder. The record comes first: while it cannot be written, nothing is done. A failure of the act is
 * recorded and thrown.
 */
export function createAudited(sql: Database): Audited {
  return async (act, perform) => {
    const id = await beginAct(sql, act)
    let outcome: string
    try {
      outcome = await perform()
    } catch (error) {
      await endAct(sql, id, `failed: ${textOf(error)}`)
      throw error
    }
    await endAct(sql, id, outcome)
    return outcome
  }
}
