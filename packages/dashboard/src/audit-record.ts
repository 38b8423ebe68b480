import type { Database } from '@titan/payments'
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

/** Records an act before it is performed; returns its number. */
export async function beginAct(sql: Database, act: Act): Promise<number> {
  const { operator, credential, isProven, action, note } = act
  const target = clip(act.target, MAX_TARGET)
  const [row] = await begin(sql, { operator, credential, isProven, action, target, note })
  return row?.id ?? 0
}

/** Records the outcome of an act. */
export async function endAct(sql: Database, id: number, outcome: string): Promise<void> {
  await end(sql, { id, outcome: clip(outcome, MAX_OUTCOME) })
}

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
