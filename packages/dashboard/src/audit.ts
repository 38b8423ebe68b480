import type { Database } from '@titan/payments'
import { textOf } from '@titan/queue-core/text-of'
import { beginAct, endAct, type Act } from './audit-record.ts'

export type { Act, Actor } from './audit-record.ts'

/** Performs an act and records it. `perform` returns its result in a few words for people. */
export type Audited = (act: Act, perform: () => Promise<string>) => Promise<string>

/** Pauses before the outcome is written again after a failed statement, in milliseconds. */
const WRITE_AGAIN_MS = [200, 1_000]

/**
 * Creates the recorder. The record comes first: while it cannot be written, nothing is done. A failure of the act is
 * recorded and thrown: as `failed` when the act was refused or rolled back, and as `unknown` when its answer was lost,
 * because it may be done.
 */
export function createAudited(sql: Database): Audited {
  async function end(id: number, outcome: string): Promise<void> {
    for (const delayMs of WRITE_AGAIN_MS) {
      try {
        return await endAct(sql, id, outcome)
      } catch {
        await new Promise((resolve) => setTimeout(resolve, delayMs))
      }
    }
    await endAct(sql, id, outcome)
  }

  return async (act, perform) => {
    const id = await beginAct(sql, act)
    let outcome: string
    try {
      outcome = await perform()
    } catch (error) {
      // A record that cannot be completed has no outcome and is shown as unknown.
      await end(id, `${isRefusal(error) ? 'failed' : 'unknown'}: ${textOf(error)}`).catch(() => undefined)
      throw error
    }
    await end(id, outcome)
    return outcome
  }
}

/** Names of our errors that refuse before anything is written. */
const REFUSING: ReadonlySet<string> = new Set([
  'PaymentsError',
  'Problem',
  'QueueError',
  'Refusal',
  'WebhooksError',
])

/** SQLSTATE of a connection that ended, and of a COMMIT whose outcome is unknown: the statement may have been committed. */
const OPEN_STATES = /^(08|57P|40003)/

/**
 * Whether an act certainly changed nothing: one of our errors, or an error that PostgreSQL or Redis answered. All else
 * (a reset, a timeout) may have come after the act was done.
 */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (isRefusal(error.cause)) return true
  if (REFUSING.has(error.name)) return error.cause === undefined
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === 'FAILURE') return true
  if (error.name === 'PostgresError') return !OPEN_STATES.test(code)
  return /^(ErrorReply|SimpleError|BlobError)$/.test(error.constructor.name)
}
