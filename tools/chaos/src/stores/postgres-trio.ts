import { setTimeout as pause } from 'node:timers/promises'
import { openDatabase } from '@titan/payments'
import { startPostgresTrio, type PostgresTrio } from '@titan/servers/topologies'
import { eventually } from '@titan/testkit'
import { itemAt } from './redis-group.ts'
import { terminateSessions } from './single.ts'
import type { Effect, Store } from './store.ts'

type Node = PostgresTrio['nodes'][number]

/** How long the run, which is the HA manager here, takes to notice that the primary is gone. */
const NOTICED_AFTER_MS = 3_000
/** How long an old primary that woke up believes to be one, until the HA manager ends it. */
const FENCED_AFTER_MS = 4_000

/** A copy of a primary takes seconds, more on a busy machine. */
const PATIENCE = { timeoutMs: 120_000, intervalMs: 200 }

/** Starts a primary with two synchronous standbys, with their data in the folder. The run is their HA manager. */
export async function startPostgresTrioIn(folder: string): Promise<Store> {
  const trio = await startPostgresTrio(folder, { isDurable: true })
  const breaches: string[] = []
  return {
    urlAt: () => trio.url,
    url: async () => (await trio.primary()).url,
    async start() {
      for (const node of trio.nodes) await node.start()
      await untilInStep(trio)
    },
    stop: trio.stop,
    inspect: async () => [...breaches, ...(await findDifferences(trio))],
    effects: {
      postgres_primary_kill: () =>
        replacePrimary(trio, { fail: (old) => old.kill(), noticedAfterMs: NOTICED_AFTER_MS }),
      postgres_primary_freeze: () =>
        replacePrimary(trio, {
          fail: (old) => old.freeze(),
          noticedAfterMs: NOTICED_AFTER_MS,
          async wake(old) {
            old.thaw()
            breaches.push(...(await findCommits(old)))
          },
        }),
      postgres_switchover: () => replacePrimary(trio, { fail: stopInOrder, noticedAfterMs: 0 }),
      postgres_standby_kill: ({ pick }) => failStandbys(trio, 'kill', (nodes) => [itemAt(nodes, pick)]),
      postgres_standby_freeze: ({ pick }) => failStandbys(trio, 'freeze', (nodes) => [itemAt(nodes, pick)]),
      postgres_standbys_freeze: () => failStandbys(trio, 'freeze', (nodes) => nodes),
      postgres_terminate: () => ({ begin: async () => terminateSessions((await trio.primary()).url) }),
    },
  }
}

/** How a primary comes to be replaced. */
interface Replacement {
  readonly fail: (old: Node) => unknown
  readonly noticedAfterMs: number
  /** Called at the end, before the old primary becomes a standby. */
  readonly wake?: (old: Node) => Promise<void>
}

/** The primary fails, a standby is promoted, and in the end the old primary is made a standby. */
function replacePrimary(trio: PostgresTrio, { fail, noticedAfterMs, wake }: Replacement): Effect {
  const chosen: Node[] = []
  return {
    async begin() {
      const old = await trio.primary()
      chosen.push(old)
      await fail(old)
      await pause(noticedAfterMs)
      await trio.promote()
    },
    async end() {
      for (const old of chosen) {
        await wake?.(old)
        await trio.rejoin(old)
      }
    },
  }
}

function failStandbys(
  trio: PostgresTrio,
  how: 'kill' | 'freeze',
  choose: (standbys: readonly Node[]) => readonly Node[],
): Effect {
  const chosen: Node[] = []
  return {
    async begin() {
      chosen.push(...choose(await trio.standbys()))
      for (const node of chosen) await node[how]()
    },
    async end() {
      for (const node of chosen) await (how === 'kill' ? node.start() : node.thaw())
      await untilInStep(trio)
    },
  }
}

/** Waits until both standbys have what the primary has written by now. */
async function untilInStep(trio: PostgresTrio): Promise<void> {
  await eventually(async () => {
    const primary = await trio.primary()
    const [row] = await primary.query<{ count: number }>(
      `select count(*)::int as count from pg_stat_replication
        where state = 'streaming' and replay_lsn >= pg_current_wal_lsn()`,
    )
    return row?.count === 2
  }, PATIENCE)
}

/** Lets a server end its sessions and send its standbys what they lack. */
async function stopInOrder(node: Node): Promise<void> {
  const pid = node.pid()
  if (pid !== undefined) process.kill(pid, 'SIGINT')
  await eventually(() => node.pid() === undefined, PATIENCE)
}

/** Asks an old primary, which nobody follows any more, for a commit: the answer may never come. */
async function findCommits(old: Node): Promise<string[]> {
  const sql = openDatabase(old.url, { poolSize: 1, keyedPlans: false, statementTimeoutMs: 0 })
  try {
    const committed = sql`create table committed_by_an_old_primary ()`.then(
      () => true,
      () => false,
    )
    const isCommitted = await Promise.race([committed, pause(FENCED_AFTER_MS, false)])
    return isCommitted ? [`${old.name} committed after another server was promoted`] : []
  } finally {
    await sql.end({ timeout: 0 })
  }
}

const TABLES = ['payments', 'payment_details', 'payment_attempts', 'payment_event_rows']

/** Compares what the servers hold of payments. */
async function findDifferences(trio: PostgresTrio): Promise<string[]> {
  await untilInStep(trio)
  const digests = await Promise.all(
    trio.nodes.map(async (node) => {
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
