import type { Database } from '@titan/payments'
import type postgres from 'postgres'
import { SHOWN, type Breach, type Breaches } from './finding.ts'
import type { Check } from './invariants.ts'

/** A transaction that sees one point in time. */
export type Snapshot = postgres.TransactionSql<{ bigint: number }>

/** Runs `read` read-only at one point in time. Keep it short: vacuum removes nothing that it may still see. */
export async function withSnapshot<Value>(
  sql: Database,
  read: (snapshot: Snapshot) => Promise<Value>,
): Promise<Value> {
  const result = await sql.begin('isolation level repeatable read read only', async (snapshot) => {
    await prepare(snapshot)
    return { value: await read(snapshot) }
  })
  return result.value
}

/**
 * Runs `read` at one point in time with what `load` puts into temporary tables. Nothing else is written; the transaction is
 * read-only from then on, and lasts as long as it is loaded and compared.
 */
export async function withTables<Value>(
  sql: Database,
  load: (snapshot: Snapshot) => Promise<void>,
  read: (snapshot: Snapshot) => Promise<Value>,
): Promise<Value> {
  const result = await sql.begin('isolation level repeatable read', async (snapshot) => {
    await prepare(snapshot)
    // Fixes the point in time before the ledger is read: what is SUCCESS in it has its charge there already.
    await snapshot`select count(*) from payments where false`
    await load(snapshot)
    await snapshot`set transaction read only`
    return { value: await read(snapshot) }
  })
  return result.value
}

/** Sets up a transaction to read whole ranges: the pool may be set up for reads by key. The pool limits statement time. */
async function prepare(snapshot: Snapshot): Promise<void> {
  await snapshot`
    select set_config(name, setting, true)
      from (values ('idle_in_transaction_session_timeout', '0'), ('enable_seqscan', 'on'), ('enable_hashjoin', 'on'),
                   ('enable_mergejoin', 'on'), ('plan_cache_mode', 'force_custom_plan'), ('work_mem', '64MB'),
                   ('random_page_cost', '1.1'), ('max_parallel_workers_per_gather', '0'))
        as wanted (name, setting)`
}

/** Runs a check, and returns its breaches by what is wrong, each with its number and its first offenders. */
export async function runCheck(
  snapshot: Snapshot,
  { text, defaults }: Check,
  values: Readonly<Record<string, string | undefined>>,
): Promise<Breach[]> {
  const rows = await snapshot.unsafe<{ detail: string; total: number; offenders: string[] }[]>(
    `with breach as materialized (
${text}
)
select detail, count(*)::float8 as total,
       array(select subject from breach named where named.detail = breach.detail order by subject limit ${SHOWN}) as offenders
  from breach group by detail order by detail`,
    [...defaults].map(([name, fallback]) => values[name] ?? fallback),
  )
  return rows.map(({ detail, total, offenders }) => ({ what: detail, count: total, offenders }))
}

/** Reads the number of payments by the planner's estimate. */
export async function estimatePayments(sql: Database): Promise<number> {
  const [row] = await sql<{ total: number }[]>`
    select greatest(reltuples, 0)::float8 as total from pg_class where oid = 'payments'::regclass`
  return row?.total ?? 0
}

/** Finds the recorded contradictions with a gateway that are not resolved. */
export async function findOpenBreaks(sql: Database): Promise<Breaches> {
  const [row] = await sql<{ total: number; offenders: string[] }[]>`
    select (select count(*) from reconciliation_breaks where resolved_at is null)::float8 as total,
           array(select kind || ' ' || coalesce(payment_id, reference) as id
                   from reconciliation_breaks where resolved_at is null order by id limit ${SHOWN}::int) as offenders`
  return { count: row?.total ?? 0, offenders: row?.offenders ?? [] }
}
