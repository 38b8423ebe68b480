import { setTimeout as pause } from 'node:timers/promises'
import { openDatabase } from '@titan/payments'
import type { PostgresNode } from '@titan/servers/topologies'
import { eventually } from '@titan/testkit'
import { itemAt } from './redis-group.ts'
import { terminateSessions } from './single.ts'
import type { Effect, Store } from './store.ts'

/** PostgreSQL servers of which a standby takes over when the primary fails. */
export interface PostgresGroup {
  readonly nodes: readonly PostgresNode[]
  /** The URL for programs. */
  readonly url: string
  primary(): Promise<PostgresNode>
  standbys(): Promise<readonly PostgresNode[]>
  /** Resolves when another server than a failed primary is the primary. */
  takeOver(old: PostgresNode): Promise<unknown>
  /** Whether a primary that wakes up takes itself for the primary, because nothing demotes it. */
  readonly wakesAsPrimary: boolean
  /** Makes a former primary, which may be down, a standby. */
  rejoin(old: PostgresNode): Promise<unknown>
  /** Hands over in good order. */
  handOver(old: PostgresNode): Promise<unknown>
  stop(): Promise<void>
}

/** A copy of a primary takes seconds, more on a busy machine. */
export const PATIENCE: { readonly timeoutMs: number; readonly intervalMs: number } = {
  timeoutMs: 120_000,
  intervalMs: 200,
}
/** How long an old primary that woke up is asked for a commit. */
const ASK_FOR_MS = 4_000

/** Makes the faults of a group. Each ends when every server is up and in step. */
export function postgresStoreOf(group: PostgresGroup): Store {
  const breaches: string[] = []

  function replacePrimary(fail: (old: PostgresNode) => unknown, wake?: (old: PostgresNode) => void): Effect {
    const chosen: PostgresNode[] = []
    return {
      async begin() {
        const old = await group.primary()
        chosen.push(old)
        await fail(old)
        await group.takeOver(old)
      },
      async end() {
        for (const old of chosen) {
          if (wake !== undefined) {
            wake(old)
            breaches.push(...(await findCommits(old, group)))
          }
          await group.rejoin(old)
        }
        await untilInStep(group)
      },
    }
  }

  function failStandbys(
    how: 'kill' | 'freeze',
    choose: (standbys: readonly PostgresNode[]) => readonly PostgresNode[],
  ): Effect {
    const chosen: PostgresNode[] = []
    return {
      async begin() {
        chosen.push(...choose(await group.standbys()))
        for (const node of chosen) await node[how]()
      },
      async end() {
        for (const node of chosen) await (how === 'kill' ? node.start() : node.thaw())
        await untilInStep(group)
      },
    }
  }

  return {
    urlAt: () => group.url,
    url: async () => (await group.primary()).url,
    async start() {
      await Promise.all(group.nodes.map((node) => node.start()))
      await untilInStep(group)
    },
    stop: () => group.stop(),
    inspect: async () => [...breaches, ...(await findDifferences(group))],
    effects: {
      postgres_primary_kill: () => replacePrimary((old) => old.kill()),
      postgres_primary_freeze: () =>
        replacePrimary(
          (old) => old.freeze(),
          (old) => old.thaw(),
        ),
      postgres_switchover: () => ({
        begin: async () => group.handOver(await group.primary()),
        end: () => untilInStep(group),
      }),
      postgres_standby_kill: ({ pick }) => failStandbys('kill', (nodes) => [itemAt(nodes, pick)]),
      postgres_standby_freeze: ({ pick }) => failStandbys('freeze', (nodes) => [itemAt(nodes, pick)]),
      postgres_standbys_freeze: () => failStandbys('freeze', (nodes) => nodes),
      postgres_terminate: () => ({ begin: async () => terminateSessions((await group.primary()).url) }),
    },
  }
}

/** Waits until both standbys have what the primary has written by now. */
async function untilInStep(group: PostgresGroup): Promise<void> {
  await eventually(async () => {
    const primary = await group.primary()
    const [row] = await primary.query<{ count: number }>(
      `select count(*)::int as count from pg_stat_replication
        where state = 'streaming' and replay_lsn >= pg_current_wal_lsn()`,
    )
    return row?.count === 2
  }, PATIENCE)
}

/** Asks an old primary, which no standby follows any more, for a commit: the answer may never come. */
async function findCommits(
  old: PostgresNode,
  { wakesAsPrimary }: Pick<PostgresGroup, 'wakesAsPrimary'>,
): Promise<string[]> {
  const sql = openDatabase(old.url, { poolSize: 1, keyedPlans: false, statementTimeoutMs: 0 })
  const inTime = (asked: Promise<boolean>): Promise<boolean> =>
    Promise.race([asked.catch(() => false), pause(ASK_FOR_MS, false)])
  try {
    // Else the commit that is refused below would prove nothing.
    const isAwake = await inTime(
      sql<{ is: boolean }[]>`select not pg_is_in_recovery() as is`.then(([row]) => row?.is ?? false),
    )
    if (!isAwake) return wakesAsPrimary ? [`${old.name} did not wake up as the primary that it was`] : []
    const isCommitted = await inTime(sql`create table committed_by_an_old_primary ()`.then(() => true))
    return isCommitted ? [`${old.name} committed after another server was promoted`] : []
  } finally {
    await sql.end({ timeout: 0 })
  }
}

const TABLES = ['payments', 'payment_details', 'payment_attempts', 'payment_event_rows']

/** Compares what the servers hold of payments. */
async function findDifferences(group: PostgresGroup): Promise<string[]> {
  await untilInStep(group)
  const digests = await Promise.all(
    group.nodes.map(async (node) => {
      const parts = TABLES.map(
        (table) => `(select md5(string_agg(t::text, ',' order by t::text)) from ${table} t)`,
      )
      const [row] = await node.query<{ digest: string }>(
        `select concat_ws(' ', ${parts.join(', ')}) as digest`,
      )
      return row?.digest
    }),
  )
  return new Set(digests).size === 1 ? [] : [`the servers hold different payments: ${digests.join(' | ')}`]
}
