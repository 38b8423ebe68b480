import { missingMigrations, SESSION_SETTINGS, type Database } from '@titan/payments'
import {
  clockDifference,
  diagnose,
  judgeClock,
  problem,
  runChecks,
  type Checks,
  type Diagnosis,
  type Result,
} from './diagnosis.ts'
import { examineReplication } from './replication.ts'

/** What a server reports. */
export interface PostgresFacts {
  /** Such as `180001`. */
  readonly versionNumber: number
  readonly isReplica: boolean
  readonly isReadOnly: boolean
  /** Such as `origin`. */
  readonly replicationRole: string
  /** Settings of a session that differ from those that the programs request, with their values. */
  readonly strayed: readonly string[]
  readonly fsync: string
  readonly fullPageWrites: string
  readonly synchronousCommit: string
  readonly autovacuum: string
  /** Connections that programs may open. */
  readonly connectionLimit: number
  readonly connections: number
}

/** Examines a PostgreSQL server. `poolSize`: connections of each of our programs at most. */
export async function examinePostgres(sql: Database, poolSize: number): Promise<Diagnosis[]> {
  const sentAt = Date.now()
  const [clock] = await sql<{ now: Date }[]>`select clock_timestamp() as now`
  const differenceMs = clockDifference(clock?.now.getTime() ?? sentAt, sentAt, Date.now())
  const [facts] = await sql<PostgresFacts[]>`
    select current_setting('server_version_num')::int as "versionNumber", pg_is_in_recovery() as "isReplica",
           current_setting('transaction_read_only') = 'on' as "isReadOnly",
           current_setting('session_replication_role') as "replicationRole",
           array(select name || ' = ' || current_setting(name)
                   from unnest(${Object.keys(SESSION_SETTINGS)}::text[], ${Object.values(SESSION_SETTINGS)}::text[])
                     as wanted (name, value)
                  where current_setting(name) <> value) as strayed,
           current_setting('fsync') as fsync, current_setting('full_page_writes') as "fullPageWrites",
           current_setting('synchronous_commit') as "synchronousCommit", current_setting('autovacuum') as autovacuum,
           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as "connectionLimit",
           (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as connections`
  const missing = await missingMigrations(sql)
  const rights = missing.length === 0 ? await readRights(sql) : undefined
  return [
    ...(facts === undefined ? [] : judgePostgres(facts, poolSize)),
    ...(await examineReplication(sql, facts?.isReplica === true)),
    diagnose('postgres.migrations', judgeMigrations(missing)),
    ...(rights === undefined ? [] : [diagnose('postgres.rights', judgeRights(rights))]),
    judgeClock('postgres.clock', 'PostgreSQL', differenceMs),
  ]
}

/** What the role of a program may do. */
interface PostgresRights {
  readonly role: string
  readonly isSuperuser: boolean
  readonly ownedTables: number
  readonly changesAudit: boolean
  readonly createsObjects: boolean
}

async function readRights(sql: Database): Promise<PostgresRights | undefined> {
  const [rights] = await sql<PostgresRights[]>`
    select current_user::text as role, r.rolsuper as "isSuperuser",
           (select count(*)::int from pg_class c
             where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and c.relowner = r.oid) as "ownedTables",
           has_column_privilege('operator_actions', 'operator', 'update')
             or has_table_privilege('operator_actions', 'delete, truncate, trigger') as "changesAudit",
           has_schema_privilege(current_schema(), 'create') or r.rolcreaterole or r.rolcreatedb as "createsObjects"
      from pg_roles r where r.rolname = current_user`
  return rights
}

/** Judges what the role of a program may do: a compromised program can do as much. */
function judgeRights(rights: PostgresRights): Result {
  const { role, isSuperuser, ownedTables, changesAudit, createsObjects } = rights
  const excess = [
    isSuperuser && 'is a superuser',
    ownedTables > 0 && `owns ${ownedTables} tables`,
    changesAudit && 'can change the audit record',
    createsObjects && 'can create objects',
  ].filter((text) => text !== false)
  if (excess.length === 0) return `The role ${role} owns nothing and cannot change the audit record.`
  const advice =
    'Run titan migrate --grant-to ROLE as the owner, and the programs as that role with MIGRATE=false.'
  return problem('warning', `The role ${role} ${excess.join(', ')}.`, advice)
}

function judgeMigrations(missing: readonly string[]): Result {
  if (missing.length === 0) return 'Every migration is applied.'
  const found = `${missing.length} migrations are missing: ${missing.join(', ')}.`
  return problem('error', found, 'Run titan migrate of this version.')
}

/** Judges what a server reports. */
export function judgePostgres(facts: PostgresFacts, poolSize: number): Diagnosis[] {
  return runChecks(CHECKS, { ...facts, poolSize })
}

const CHECKS: Checks<PostgresFacts & { readonly poolSize: number }> = {
  'postgres.version': ({ versionNumber }) => {
    const name = `PostgreSQL ${Math.floor(versionNumber / 10_000)}.${versionNumber % 10_000}`
    if (versionNumber >= 150_000) return name
    return problem('warning', `${name} is older than the tested versions.`, 'Use PostgreSQL 15 or newer.')
  },
  'postgres.role': ({ isReplica, isReadOnly }) => {
    const replica = 'The server is a replica, which accepts no payments.'
    if (isReplica) return problem('error', replica, 'Point DATABASE_URL at the primary.')
    if (!isReadOnly) return 'The server is the primary.'
    const advice = 'Reset default_transaction_read_only of the database, the role or the server.'
    return problem('error', 'The server is read-only, and accepts no payments.', advice)
  },
  'postgres.session': ({ replicationRole, strayed }) => {
    if (replicationRole !== 'origin') {
      const found = `session_replication_role is ${replicationRole}: the triggers that guard payments do not run.`
      return problem('error', found, 'Reset session_replication_role of the database or the role.')
    }
    if (strayed.length === 0) return 'Sessions have the settings that the programs request.'
    const advice = 'A pooler drops the settings of a session: let it forward them, or set them for the role.'
    return problem('error', `Sessions have ${strayed.join(', ')}.`, advice)
  },
  'postgres.durability': ({ fsync, fullPageWrites, synchronousCommit }) => {
    const settings = { fsync, full_page_writes: fullPageWrites, synchronous_commit: synchronousCommit }
    const wrong = Object.entries(settings).flatMap(([name, value]) => (value === 'off' ? [name] : []))
    if (wrong.length === 0) return 'Committed data survives a crash.'
    const found = `${wrong.join(' and ')} ${wrong.length === 1 ? 'is' : 'are'} off: accepted payments can be lost in a crash.`
    return problem('error', found, `Set ${wrong.map((name) => `${name} = on`).join(', ')}.`)
  },
  'postgres.connections': ({ connections, connectionLimit, poolSize }) => {
    const left = Math.max(0, connectionLimit - connections)
    const found = `${connections} of ${connectionLimit} connections are taken; each program takes up to ${poolSize}.`
    const advice = 'Raise max_connections, lower DATABASE_POOL_SIZE, or put a pooler in between.'
    return left >= poolSize ? found : problem(left === 0 ? 'error' : 'warning', found, advice)
  },
  'postgres.autovacuum': ({ autovacuum }) => {
    if (autovacuum === 'on') return 'autovacuum is on.'
    const advice = 'Set autovacuum = on: otherwise tables with many updates grow without end.'
    return problem('error', 'autovacuum is off.', advice)
  },
}
