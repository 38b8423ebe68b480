import type { Database } from '@titan/payments'
import type postgres from 'postgres'
import type { Check, Parameter } from './check-files.ts'
import { SHOWN, type Breach, type Breaches } from './finding.ts'
import { loadLedger, type Ledger } from './ledger-tables.ts'

/** A transaction that reads one moment. */
export type Snapshot = postgres.TransactionSql<{ bigint: number }>

/** Runs `read` on one moment of the database, read only. Keep it short: vacuum removes nothing that it may still see. */
export async function withSnapshot<Value>(
  sql: Database,
  read: (snapshot: Snapshot) => Promise<Value>,
): Promise<Value> {
  const answer = await sql.begin('isolation level repeatable read read only', async (snapshot) => {
    await prepare(snapshot)
    return { value: await read(snapshot) }
  })
  return answer.value
}

/**
 * Runs `read` on one moment of the database with the ledger as temporary tables. Nothing but those is written; the
 * transaction is read only from then on, and lasts as long as the ledger is read and compared.
 */
export async function withLedger<Value>(
  sql: Database,
  ledger: Ledger,
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

/** Whole ranges are read here, by a pool that may be set up for reads by key. The pool says how long a statement may take. */
async function prepare(snapshot: Snapshot): Promise<void> {
  await snapshot`
    select set_config(name, setting, true)
      from (values ('idle_in_transaction_session_timeout', '0'), ('enable_seqscan', 'on'), ('enable_hashjoin', 'on'),
                   ('enable_mergejoin', 'on'), ('plan_cache_mode', 'force_custom_plan'), ('work_mem', '64MB'),
                   ('random_page_cost', '1.1'), ('max_parallel_workers_per_gather', '0'))
        as wanted (name, setting)`
}

/** Runs a check: the breaches by what is wrong, each with its number and its first offenders. */
export async function runCheck(
  snapshot: Snapshot,
  { name, text, params }: Check,
  values: Readonly<Record<string, Parameter>>,
): Promise<Breach[]> {
  const given = params.map((param) => {
    const value = values[param]
    if (value === undefined) throw new Error(`${name} has an unknown parameter ${param}`)
    return value
  })
  const rows = await snapshot.unsafe<{ what: string; total: number; offenders: string[] }[]>(
    `with breach as materialized (
${text}
)
select what, count(*)::float8 as total,
       array(select id from breach named where named.what = breach.what order by id limit ${SHOWN}) as offenders
  from breach group by what order by what`,
    given as postgres.ParameterOrJSON<never>[],
  )
  return rows.map(({ what, total, offenders }) => ({ what, count: total, offenders }))
}

/** Contradictions between the ledgers that are recorded and not resolved. */
export async function findOpenBreaks(sql: Database): Promise<Breaches> {
  const [row] = await sql<{ total: number; offenders: string[] }[]>`
    select (select count(*) from reconciliation_breaks where resolved_at is null)::float8 as total,
           array(select kind || ' ' || coalesce(payment_id, reference) as id
                   from reconciliation_breaks where resolved_at is null order by id limit ${SHOWN}::int) as offenders`
  return { count: row?.total ?? 0, offenders: row?.offenders ?? [] }
}
