import type { Database } from '@titan/payments'
import type postgres from 'postgres'
import type { Breaches } from './finding.ts'
import { SHOWN } from './finding.ts'
import { loadLedger, type Ledger } from './ledger-tables.ts'

/** A transaction that reads one moment. */
export type Snapshot = postgres.TransactionSql<{ bigint: number }>

/** A statement, or part of one. */
export type Query = postgres.PendingQuery<postgres.Row[]>

/**
 * Runs `read` on one moment of the database, beside the ledger as temporary tables.
 * Nothing but those is written; the transaction is read only from then on.
 */
export async function withSnapshot<Value>(
  sql: Database,
  ledger: Ledger | undefined,
  read: (snapshot: Snapshot) => Promise<Value>,
): Promise<Value> {
  const answer = await sql.begin('isolation level repeatable read', async (snapshot) => {
    await prepare(snapshot)
    // The moment is fixed before the ledger is read: what is SUCCESS in it has its charge there already.
    await snapshot`select count(*) from payments where false`
    await loadLedger(snapshot, ledger)
    await snapshot`set transaction read only`
    return { value: await read(snapshot) }
  })
  return answer.value
}

/** Whole tables are read here, by a pool that may be set up for reads by key. How long that may take is the pool's matter. */
async function prepare(snapshot: Snapshot): Promise<void> {
  await snapshot`
    select set_config(name, setting, true)
      from (values ('idle_in_transaction_session_timeout', '0'), ('enable_seqscan', 'on'), ('enable_hashjoin', 'on'),
                   ('enable_mergejoin', 'on'), ('plan_cache_mode', 'auto'))
        as wanted (name, setting)`
}

/** Counts the rows of a query with one column `id`, and names the first. */
export async function breachesOf(snapshot: Snapshot, query: Query): Promise<Breaches> {
  const [row] = await snapshot<{ total: number; offenders: string[] }[]>`
    with breach as materialized (${query})
    select (select count(*) from breach)::float8 as total,
           array(select id from breach order by id limit ${SHOWN}::int) as offenders`
  return { count: row?.total ?? 0, offenders: row?.offenders ?? [] }
}
