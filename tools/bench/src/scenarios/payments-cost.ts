import postgres from 'postgres'
import { plain, program, programOf, type Design, type Lane } from '../payments/designs.ts'
import { OURS } from '../payments/systems.ts'
import { readProcessorTime } from '../processor-time.ts'
import type { Context, Sample, Scenario, Side } from '../scenario.ts'
import { openDurablePostgres, type BenchPostgres } from '../servers.ts'
import { expectCount } from '../work.ts'

const PLAIN = 'One row a payment, no guards'
const BEFORE = 'The checkout of --previous'

const FULL_BATCH = 64
/** Payments of the shortest run: processor time is counted in ticks of 10 ms. */
const SMOKE = 400

/** How payments reach the database. */
interface Mode {
  readonly key: string
  readonly title: string
  readonly lanes: number
  readonly batch: number
  /** Whether payments wait for a worker, so that the relay marks them. */
  readonly waits: boolean
  /** Payments of a full run. */
  readonly payments: number
}

const MODES: readonly Mode[] = [
  { key: 'full', title: 'full batches', lanes: 4, batch: FULL_BATCH, waits: false, payments: 20_480 },
  {
    key: 'queued',
    title: 'full batches that wait',
    lanes: 4,
    batch: FULL_BATCH,
    waits: true,
    payments: 20_480,
  },
  { key: 'alone', title: 'alone', lanes: 1, batch: 1, waits: false, payments: 1_500 },
]

/** What PostgreSQL spends on a payment. */
export const paymentsCost: Scenario = {
  name: 'payments-cost',
  title: 'PostgreSQL per payment',
  about: `Processor time of all processes of PostgreSQL, and WAL, from the creation of payments to their success, in an empty database: ${FULL_BATCH} a statement on 4 connections, the same with payments that wait until they are marked QUEUED, and one a statement on one connection. No HTTP, no Redis, no vacuum. Compared with the same steps on one row without guards, and with another checkout where --previous names one.`,
  metrics: MODES.flatMap(({ key, title }) => [
    { key: processorOf(key), title: `processor, ${title}`, unit: 'µs' as const },
    { key: walOf(key), title: `WAL, ${title}`, unit: 'bytes' as const },
  ]),
  comparisons: [PLAIN, BEFORE].flatMap((to) =>
    MODES.flatMap(({ key }) => [
      {
        metric: processorOf(key),
        of: OURS,
        to,
        ...(to === BEFORE && key === 'full' && { goal: { atMost: 0.7 } }),
      },
      { metric: walOf(key), of: OURS, to },
    ]),
  ),
  async prepare(context) {
    const server = await openDurablePostgres(context)
    await stopAutovacuum(server)
    const previous = context.previous === undefined ? [] : [await programOf(context.previous)]
    return [
      costSide(context, server, OURS, program),
      ...previous.map((design) => costSide(context, server, BEFORE, design)),
      costSide(context, server, PLAIN, plain),
    ]
  },
}

/** It wakes once a minute, so it would fall into the time of one side or the other. */
async function stopAutovacuum({ url }: BenchPostgres): Promise<void> {
  const sql = postgres(url, { max: 1 })
  await sql`alter system set autovacuum = off`
  await sql`select pg_reload_conf()`
  await sql.end()
}

function processorOf(mode: string): string {
  return `${mode}Processor`
}

function walOf(mode: string): string {
  return `${mode}Wal`
}

function costSide(context: Context, server: BenchPostgres, name: string, design: Design): Side {
  return {
    name,
    setting: `PostgreSQL with fsync, without autovacuum; ${design.setting}`,
    async run() {
      const sample: Record<string, number> = {}
      for (const mode of MODES) Object.assign(sample, await measureMode(context, server, design, mode))
      return sample
    },
  }
}

/** Takes payments from creation to success in a separate database. */
async function measureMode(
  context: Context,
  server: BenchPostgres,
  design: Design,
  mode: Mode,
): Promise<Sample> {
  const admin = postgres(server.url, { max: 1, onnotice: () => {} })
  const name = `cost_${mode.key}_${Date.now()}`
  await admin`create database ${admin(name)}`
  const url = new URL(server.url)
  url.pathname = name
  await design.migrate(url.href)
  const sql = postgres(url.href, { max: 1, onnotice: () => {} })
  const lanes = Array.from({ length: mode.lanes }, () => design.openLane(url.href))
  try {
    // Connections are open and statements planned before anything counts.
    await payBatches(lanes, mode, lanes.length)
    // Full pages go into the WAL after each checkpoint: every side begins with one.
    await sql`checkpoint`
    const { payments, batch, key } = mode
    const batches = Math.ceil(
      context.pick({ full: payments, quick: payments / 4, smoke: Math.max(batch * 20, SMOKE) }) / batch,
    )
    const before = await readCost(server, sql)
    await payBatches(lanes, mode, batches)
    const after = await readCost(server, sql)
    const [found] = await sql<{ count: number }[]>`
      select count(*)::int as count from ${sql(design.table)} where status = 'SUCCESS'`
    expectCount(`payments of ${key}`, found?.count ?? 0, (batches + lanes.length) * batch)
    const count = batches * batch
    return {
      [processorOf(key)]: ((after.ms - before.ms) * 1_000) / count,
      [walOf(key)]: (after.bytes - before.bytes) / count,
    }
  } finally {
    for (const lane of lanes) await lane.close()
    await sql.end()
    await admin`drop database ${admin(name)} with (force)`
    await admin.end()
  }
}

async function payBatches(lanes: readonly Lane[], { batch, waits }: Mode, batches: number): Promise<void> {
  let next = 0
  async function pay(lane: Lane): Promise<void> {
    while (next++ < batches) {
      const ids = await lane.create(batch)
      if (waits) await lane.markQueued(ids)
      await lane.pay(ids)
    }
  }
  await Promise.all(lanes.map(pay))
}

async function readCost({ pid }: BenchPostgres, sql: postgres.Sql): Promise<{ ms: number; bytes: number }> {
  const [wal] = await sql<{ bytes: number }[]>`
    select (pg_current_wal_lsn() - '0/0'::pg_lsn)::float8 as bytes`
  return { ms: readProcessorTime(pid), bytes: wal?.bytes ?? 0 }
}
