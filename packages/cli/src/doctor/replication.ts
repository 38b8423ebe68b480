import { describeServers, type Database, type ServerDescription } from '@titan/payments'
import { diagnose, problem, type Diagnosis, type Result } from './diagnosis.ts'

/** What a primary says of its standbys. */
export interface ReplicationFacts {
  /** `synchronous_standby_names`. */
  readonly names: string
  readonly synchronousCommit: string
  /** Connected standbys. */
  readonly standbys: number
  /** Those of them that a commit may wait for. */
  readonly synchronous: number
  /** Those of which this role may not read more than that they are there. */
  readonly hidden: number
  /** How far the last of them is behind, in bytes; null where it cannot be read. */
  readonly lagBytes: number | null
}

/** Examines the servers that the URL names, and what the standbys of this one keep. */
export async function examineReplication(sql: Database, isReplica: boolean): Promise<Diagnosis[]> {
  const servers = await describeServers(sql)
  const ofServers = servers.length > 1 ? [diagnose('postgres.servers', judgeServers(servers))] : []
  if (isReplica) return ofServers
  const [facts] = await sql<ReplicationFacts[]>`
    select current_setting('synchronous_standby_names') as names,
           current_setting('synchronous_commit') as "synchronousCommit",
           count(*)::int as standbys,
           count(*) filter (where sync_state in ('sync', 'quorum'))::int as synchronous,
           count(*) filter (where sync_state is null)::int as hidden,
           max(pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn))::float8 as "lagBytes"
      from pg_stat_replication where state is distinct from 'backup'`
  return [...ofServers, ...(facts === undefined ? [] : [diagnose('postgres.standbys', judgeStandbys(facts))])]
}

/** Judges what the servers of the URL say that they are. */
export function judgeServers(servers: readonly ServerDescription[]): Result {
  const found = `${servers.map(({ text }) => text).join('; ')}.`
  const is = (wanted: ServerDescription['role']): boolean => servers.some(({ role }) => role === wanted)
  if (is('old primary')) {
    const advice =
      'Stop it: the writes that it takes are lost. Then make it a standby (pg_rewind or a fresh copy).'
    return problem('error', found, advice)
  }
  if (is('unreachable'))
    return problem('warning', found, 'Start it, or take it out of DATABASE_URL: a failover cannot use it.')
  return found
}

/** WAL that a standby may be behind, in bytes. */
const LAG_BYTES = 64 * 1_048_576

/** Judges whether an accepted payment survives the loss of the primary, and whether commits can end. */
export function judgeStandbys(facts: ReplicationFacts): Result {
  const { names, synchronousCommit, standbys, synchronous, hidden, lagBytes } = facts
  if (names === '') {
    if (standbys === 0) return 'No standby is connected.'
    const found = `${count(standbys)} connected, and synchronous_standby_names is empty: a failover can lose accepted payments.`
    return problem(
      'warning',
      found,
      "Set synchronous_standby_names = 'ANY 1 (…)', or do not fail over automatically.",
    )
  }
  const needed = neededOf(names)
  // What this role may not read could be one of them.
  if (synchronous + hidden < needed) {
    const found = `synchronous_standby_names is ${names}, and ${synchronous} of the ${needed} standbys that a commit waits for are connected: commits wait without end.`
    return problem('error', found, 'Start the standbys, or name those that run.')
  }
  if (synchronousCommit === 'local') {
    const found = 'synchronous_commit is local: no commit waits for a standby.'
    return problem('warning', found, 'Set synchronous_commit = on.')
  }
  if (lagBytes !== null && lagBytes > LAG_BYTES) {
    const found = `${count(standbys)} connected; one is ${Math.round(lagBytes / 1_048_576)} MB behind.`
    return problem('warning', found, 'See why it is slow: after a failover it has this much to replay.')
  }
  return `${count(standbys)} connected; a commit waits for ${needed} of them.`
}

function count(standbys: number): string {
  return standbys === 1 ? '1 standby is' : `${standbys} standbys are`
}

/** How many standbys a commit waits for: `ANY 2 (a, b, c)`, `FIRST 2 (…)`, `2 (…)`, and 1 for a mere list. */
function neededOf(names: string): number {
  return Number(/^\s*(?:any|first)?\s*(\d+)\s*\(/i.exec(names)?.[1] ?? 1)
}
