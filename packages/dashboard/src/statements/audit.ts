import type { Database } from '@titan/payments'

/** What an operator is about to do. */
export interface Act {
  readonly operator: string
  readonly action: string
  /** What it is done to. */
  readonly target: string
  /** The reason or the evidence; may be empty. */
  readonly note: string
}

/** An act and what came of it. */
export interface AuditEntry extends Act {
  readonly id: number
  readonly at: Date
  /** Null while it goes on, and for ever if the process died meanwhile. */
  readonly outcome: string | null
}

const MAX_OUTCOME = 500

/** Records an act before it is done; answers its number. */
export async function beginAct(sql: Database, { operator, action, target, note }: Act): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    insert into operator_actions (operator, action, target, note)
    values (${operator}::text, ${action}::text, ${target}::text, ${note}::text)
 returning id`
  return row?.id ?? 0
}

/** Records what came of an act. */
export async function endAct(sql: Database, id: number, outcome: string): Promise<void> {
  await sql`
    update operator_actions
       set outcome = ${outcome.slice(0, MAX_OUTCOME)}::text, ended_at = clock_timestamp()
     where id = ${id}::bigint`
}

/** A page of the acts, newest first. `before`: the last id of the page before. */
export async function listActs(
  sql: Database,
  { before, limit }: { readonly before?: number | undefined; readonly limit: number },
): Promise<AuditEntry[]> {
  return sql<AuditEntry[]>`
    select id, at, operator, action, target, note, outcome from operator_actions
     where id < ${before ?? Number.MAX_SAFE_INTEGER}::bigint
     order by id desc limit ${limit}::int`
}
