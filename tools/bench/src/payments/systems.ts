import postgres from 'postgres'
import type { Context } from '../scenario.ts'
import { openDurablePostgres, openRedis } from '../servers.ts'
import { startProgram } from './program.ts'

/** A payment system that runs, with the means to look into it. */
export interface PaymentSystem {
  readonly name: string
  readonly setting: string
  readonly url: string
  /** Payments by state. */
  counts(): Promise<{ readonly all: number; readonly ended: number }>
  /** Milliseconds from creation to the end, of the payments that were created last. */
  durations(last: number): Promise<number[]>
}

/** Name of this project's side. */
export const OURS = 'Titan Queue'

/** Name of the plain design's side. */
export const PER_STEP = 'One statement per step'

/** Name of the side that stores and enqueues payments, and does nothing else. */
export const BARE = 'Storing and enqueueing, nothing else'

const POOL = 10
const SETTING = `PostgreSQL with fsync, pool of ${POOL}, Redis without persistence`

/** The stores that all systems share; each has its own tables and keys. */
export interface Stores {
  readonly databaseUrl: string
  readonly redisUrl: string
}

/** Starts the stores that all systems of a scenario share. */
export async function openStores(context: Context): Promise<Stores> {
  const redis = await openRedis(context)
  return { databaseUrl: await openDurablePostgres(context), redisUrl: redis.server.url }
}

/** Starts this project's programs; the worker only with a concurrency. Its gateway answers at once. */
export async function openOurs(
  context: Context,
  stores: Stores,
  concurrency?: number,
): Promise<PaymentSystem> {
  const env = {
    DATABASE_URL: stores.databaseUrl,
    REDIS_URL: stores.redisUrl,
    DATABASE_POOL_SIZE: String(POOL),
    GATEWAY: 'simulated',
    GATEWAY_DELAY_MS: '0',
  }
  const api = await startProgram(context, 'packages/api/src/cli.ts', ['--port', '0'], env)
  const url = await api.printed(/http:\/\/[\d.]+:\d+/)
  if (concurrency !== undefined) {
    const args = ['--concurrency', String(concurrency)]
    const worker = await startProgram(context, 'packages/worker/src/cli.ts', args, env)
    await worker.printed(/is ready/)
  }
  return look(context, stores.databaseUrl, 'payments', {
    name: OURS,
    setting: `${SETTING}; the programs with their defaults${concurrency === undefined ? '' : `, concurrency ${concurrency}`}`,
    url,
  })
}

/** Starts the plain design; its worker only with a concurrency. Its gateway answers at once. */
export async function openPerStep(
  context: Context,
  { databaseUrl, redisUrl }: Stores,
  concurrency?: number,
): Promise<PaymentSystem> {
  const folder = 'tools/bench/src/payments'
  const api = await startProgram(context, `${folder}/per-step-api.ts`, [databaseUrl, redisUrl])
  const url = await api.printed(/http:\/\/[\d.]+:\d+/)
  if (concurrency !== undefined) {
    const args = [databaseUrl, redisUrl, String(concurrency)]
    const worker = await startProgram(context, `${folder}/per-step-worker.ts`, args)
    await worker.printed(/ready/)
  }
  return look(context, databaseUrl, 'plain_payments', {
    name: PER_STEP,
    setting: `${SETTING}; no fences, no events, no recovery`,
    url,
  })
}

/** Starts the least that stores payments before it answers, and enqueues them. */
export async function openBare(context: Context, { databaseUrl, redisUrl }: Stores): Promise<PaymentSystem> {
  const api = await startProgram(context, 'tools/bench/src/payments/bare-api.ts', [databaseUrl, redisUrl])
  return look(context, databaseUrl, 'bare_payments', {
    name: BARE,
    setting: `${SETTING}; one INSERT and one enqueueMany for all that wait; no events, no QUEUED, no triggers, no ids of jobs, no replay, no recovery`,
    url: await api.printed(/http:\/\/[\d.]+:\d+/),
  })
}

function look(
  context: Context,
  databaseUrl: string,
  table: string,
  system: Pick<PaymentSystem, 'name' | 'setting' | 'url'>,
): PaymentSystem {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  context.defer(() => sql.end())
  return {
    ...system,
    async counts() {
      const [row] = await sql<{ all: number; ended: number }[]>`
        select count(*)::int as all, (count(*) filter (where status in ('SUCCESS', 'FAILED')))::int as ended
          from ${sql(table)}`
      return row ?? { all: 0, ended: 0 }
    },
    async durations(last) {
      const rows = await sql<{ ms: number }[]>`
        select extract(epoch from updated_at - created_at)::float8 * 1000 as ms
          from ${sql(table)} order by created_at desc limit ${last}`
      return rows.map(({ ms }) => ms)
    },
  }
}
