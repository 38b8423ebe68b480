import { setTimeout } from 'node:timers/promises'
import type { Database } from '@titan/payments'
import { textOf } from '@titan/queue-core/text-of'
import { statement } from './statements.ts'

/** An acting person, and the evidence for the name. */
export interface Actor {
  /** Name of the operator. */
  readonly operator: string
  /** What the actor presented, such as `operator 0f3a…` or `admin token`. */
  readonly credential: string
  /** Whether the credential belongs to this operator alone. */
  readonly isProven: boolean
}

/** What an operator is about to do. */
export interface Act extends Actor {
  readonly action: string
  /** What it acts on. */
  readonly target: string
  /** The reason or the evidence; may be empty. */
  readonly note: string
}

/** An act and its outcome. */
export interface AuditEntry extends Act {
  readonly id: number
  readonly at: Date
  /** Null while the act runs, and permanently if the process died meanwhile. */
  readonly outcome: string | null
}

const MAX_OUTCOME = 500
const MAX_TARGET = 300

const begin = statement<{ readonly id: number }>('begin_act')
const end = statement<never>('end_act')
const list = statement<AuditEntry>('list_acts')

/** Lists a page of acts, newest first. `before`: the last id of the previous page. */
export async function listActs(
  sql: Database,
  { before, limit }: { readonly before?: number | undefined; readonly limit: number },
): Promise<AuditEntry[]> {
  return list(sql, { before: before ?? Number.MAX_SAFE_INTEGER, rowLimit: limit })
}

/** Cuts text to the column's length. PostgreSQL takes no NUL. */
function clip(text: string, length: number): string {
  return text.replaceAll('\0', '').slice(0, length).toWellFormed()
}

/** Thrown after an act that was done, and whose record stays without an outcome. */
class UnrecordedOutcome extends Error {}

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
  async function recordOutcome(id: number, text: string): Promise<void> {
    const outcome = clip(text, MAX_OUTCOME)
    for (const delayMs of WRITE_AGAIN_MS) {
      try {
        return void (await end(sql, { id, outcome }))
      } catch {
        await setTimeout(delayMs)
      }
    }
    await end(sql, { id, outcome })
  }

  return async (act, perform) => {
    const [row] = await begin(sql, { ...act, target: clip(act.target, MAX_TARGET) })
    const id = row?.id ?? 0
    let outcome: string
    try {
      outcome = await perform()
    } catch (error) {
      // A record that cannot be completed has no outcome and is shown as unknown.
      await recordOutcome(id, `${isRefusal(error) ? 'failed' : 'unknown'}: ${textOf(error)}`).catch(
        () => undefined,
      )
      throw error
    }
    await recordOutcome(id, outcome).catch((error: unknown) => {
      throw new UnrecordedOutcome(`the outcome could not be recorded: ${textOf(error)}`, { cause: error })
    })
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
  if (!(error instanceof Error) || error instanceof UnrecordedOutcome) return false
  if (isRefusal(error.cause)) return true
  if (REFUSING.has(error.name)) return error.cause === undefined
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === 'FAILURE') return true
  if (error.name === 'PostgresError') return !OPEN_STATES.test(code)
  return /^(ErrorReply|SimpleError|BlobError)$/.test(error.constructor.name)
}
