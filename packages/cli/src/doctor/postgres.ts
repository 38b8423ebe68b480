import { missingMigrations, SESSION_SETTINGS, type Database } from '@titan/payments'
import { clockDifference, diagnosis, judgeClock, type Diagnosis } from './diagnosis.ts'

/** What a server tells of itself. */
export interface PostgresFacts {
  /** Such as `180001`. */
  readonly versionNumber: number
  readonly isReplica: boolean
  readonly isReadOnly: boolean
  /** Such as `origin`. */
  readonly replicationRole: string
  /** Settings of a session that are not what the programs ask for, with their values. */
  readonly strayed: readonly string[]
  readonly fsync: string
  readonly fullPageWrites: string
  readonly synchronousCommit: string
  readonly autovacuum: string
  /** Connections that programs may have. */
  readonly connectionLimit: number
  readonly connections: number
}

/** Looks at a PostgreSQL server. `poolSize`: most connections of each of our programs. */
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
    judgeMigrations(missing),
    ...(rights === undefined ? [] : [judgeRights(rights)]),
    judgeClock('postgres.clock', 'PostgreSQL', differenceMs),
  ]
}

/** What the role of a program may do. */
export interface PostgresRights {
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

/** Judges what the role of a program may do: a fault in a program reaches as far. */
export function judgeRights(rights: PostgresRights): Diagnosis {
  const { role, isSuperuser, ownedTables, changesAudit, createsObjects } = rights
  const excess = [
    ...(isSuperuser ? ['is a superuser'] : []),
    ...(ownedTables > 0 ? [`owns ${ownedTables} tables`] : []),
    ...(changesAudit ? ['can change the audit record'] : []),
    ...(createsObjects ? ['can create objects'] : []),
  ]
  if (excess.length === 0)
    return diagnosis(
      'postgres.rights',
      'ok',
      `the role ${role} owns nothing and cannot change the audit record`,
    )
  return diagnosis(
    'postgres.rights',
    'warning',
    `the role ${role} ${excess.join(', ')}`,
    'run titan migrate --grant-to ROLE as the owner, and the programs as that role with MIGRATE=false',
  )
}

/** Judges what a server tells of itself. */
export function judgePostgres(facts: PostgresFacts, poolSize: number): Diagnosis[] {
  const { autovacuum } = facts
  return [
    judgeVersion(facts),
    judgeRole(facts),
    judgeSession(facts),
    judgeDurability(facts),
    judgeConnections(facts, poolSize),
    autovacuum === 'on'
      ? diagnosis('postgres.autovacuum', 'ok', 'autovacuum is on')
      : diagnosis(
          'postgres.autovacuum',
          'error',
          'autovacuum is off',
          'set autovacuum = on: tables that change all the time grow without end',
        ),
  ]
}

function judgeRole({ isReplica, isReadOnly }: PostgresFacts): Diagnosis {
  if (isReplica) {
    const advice = 'point DATABASE_URL at the primary'
    return diagnosis('postgres.role', 'error', 'it is a replica, which takes no payments', advice)
  }
  if (!isReadOnly) return diagnosis('postgres.role', 'ok', 'it is the primary')
  const advice = 'reset default_transaction_read_only of the database, the role or the server'
  return diagnosis('postgres.role', 'error', 'it is set to read-only, and takes no payments', advice)
}

function judgeSession({ replicationRole, strayed }: PostgresFacts): Diagnosis {
  if (replicationRole !== 'origin') {
    const found = `session_replication_role is ${replicationRole}: the triggers that guard payments do not run`
    return diagnosis(
      'postgres.session',
      'error',
      found,
      'reset session_replication_role of the database or the role',
    )
  }
  if (strayed.length === 0)
    return diagnosis('postgres.session', 'ok', 'sessions have the settings that the programs ask for')
  const advice = 'a pooler drops the settings of a session: let it pass them on, or set them for the role'
  return diagnosis('postgres.session', 'error', `sessions have ${strayed.join(', ')}`, advice)
}

function judgeVersion({ versionNumber }: PostgresFacts): Diagnosis {
  const name = `PostgreSQL ${Math.floor(versionNumber / 10_000)}.${versionNumber % 10_000}`
  if (versionNumber >= 150_000) return diagnosis('postgres.version', 'ok', name)
  return diagnosis(
    'postgres.version',
    'warning',
    `${name} is older than what is tested`,
    'use PostgreSQL 15 or newer',
  )
}

function judgeDurability({ fsync, fullPageWrites, synchronousCommit }: PostgresFacts): Diagnosis {
  const wrong = [
    ...(fsync === 'off' ? ['fsync'] : []),
    ...(fullPageWrites === 'off' ? ['full_page_writes'] : []),
    ...(synchronousCommit === 'off' ? ['synchronous_commit'] : []),
  ]
  if (wrong.length === 0) return diagnosis('postgres.durability', 'ok', 'what was committed survives a crash')
  const found = `${wrong.join(' and ')} ${wrong.length === 1 ? 'is' : 'are'} off: payments that were answered for can be lost in a crash`
  return diagnosis(
    'postgres.durability',
    'error',
    found,
    `set ${wrong.map((name) => `${name} = on`).join(', ')}`,
  )
}

function judgeConnections({ connections, connectionLimit }: PostgresFacts, poolSize: number): Diagnosis {
  const left = Math.max(0, connectionLimit - connections)
  const found = `${connections} of ${connectionLimit} connections are taken; each program takes up to ${poolSize}`
  if (left >= poolSize) return diagnosis('postgres.connections', 'ok', found)
  const advice = 'raise max_connections, lower DATABASE_POOL_SIZE, or put a pooler in between'
  return diagnosis('postgres.connections', left === 0 ? 'error' : 'warning', found, advice)
}

function judgeMigrations(missing: readonly string[]): Diagnosis {
  if (missing.length === 0) return diagnosis('postgres.migrations', 'ok', 'every migration is applied')
  const found = `${missing.length} missing: ${missing.join(', ')}`
  return diagnosis(
    'postgres.migrations',
    'error',
    found,
    'start titan-api or titan-worker of this version: they apply them',
  )
}
