import postgres from 'postgres'
import type { Context } from '../scenario.ts'
import { openDurablePostgres, openRedis } from '../servers.ts'
import { startProgram } from './program.ts'

/** A payment system that runs, with the means to look into it. */
export type PaymentSystem = Awaited<ReturnType<typeof openSystem>>

/** Name of this project's side. */
export const OURS = 'Titan Queue'

/** Name of the plain design's side. */
export const PER_STEP = 'One statement per step'

/** Name of the side that stores and enqueues payments, and does nothing else. */
export const BARE = 'Storing and enqueueing, nothing else'

const POOL = 10
const SETTING = `PostgreSQL with fsync, pool of ${POOL}, Redis without persistence`

/** The stores that all systems of a scenario share; each has its own tables and keys. */
export type Stores = Awaited<ReturnType<typeof openStores>>

/** Starts the stores that all systems of a scenario share. */
export async function openStores(context: Context) {
  const redis = await openRedis(context)
  const { url: databaseUrl } = await openDurablePostgres(context)
  return { databaseUrl, redisUrl: redis.server.url }
}

interface Design {
  readonly setting: string
  readonly table: string
  readonly api: string
  readonly worker: string
  readonly apiArgs: readonly string[]
  readonly workerArgs: (concurrency: number) => readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

function designsOn({ databaseUrl, redisUrl }: Stores): Readonly<Record<string, Design>> {
  const folder = 'tools/bench/src/payments'
  const urls = [databaseUrl, redisUrl]
  return {
    [OURS]: {
      setting: 'the programs with their defaults',
      table: 'payments',
      api: 'packages/api/src/cli.ts',
      worker: 'packages/worker/src/cli.ts',
      apiArgs: ['--port', '0'],
      workerArgs: (concurrency) => ['--concurrency', String(concurrency)],
      env: {
        DATABASE_URL: databaseUrl,
        REDIS_URL: redisUrl,
        DATABASE_POOL_SIZE: String(POOL),
        GATEWAY: 'simulated',
        GATEWAY_DELAY_MS: '0',
      },
    },
    [PER_STEP]: {
      setting: 'no fences, no events, no recovery',
      table: 'plain_payments',
      api: `${folder}/per-step-api.ts`,
      worker: `${folder}/per-step-worker.ts`,
      apiArgs: urls,
      workerArgs: (concurrency) => [...urls, String(concurrency)],
    },
    [BARE]: {
      setting:
        'one INSERT and one enqueueMany for all that wait; no events, no QUEUED, no triggers, no ids of jobs, no replay, no recovery',
      table: 'bare_payments',
      api: `${folder}/bare-api.ts`,
      worker: '',
      apiArgs: urls,
      workerArgs: () => [],
    },
  }
}

/** Starts the API of a system, and its worker only with a concurrency. The gateways answer at once. */
export async function openSystem(context: Context, stores: Stores, name: string, concurrency?: number) {
  const design = designsOn(stores)[name]
  if (design === undefined) throw new Error(`There is no system ${name}`)
  const { table, env } = design
  const api = await startProgram(context, design.api, design.apiArgs, env)
  const url = await api.printed(/http:\/\/[\d.]+:\d+/)
  if (concurrency !== undefined) {
    const worker = await startProgram(context, design.worker, design.workerArgs(concurrency), env)
    await worker.printed(/ready/)
  }
  const sql = postgres(stores.databaseUrl, { max: 1, onnotice: () => {} })
  context.defer(() => sql.end())
  return {
    name,
    setting: `${SETTING}; ${design.setting}${concurrency === undefined ? '' : `, concurrency ${concurrency}`}`,
    url,
    /** Counts the payments by state. */
    async counts() {
      const [row] = await sql<{ all: number; ended: number }[]>`
        select count(*)::int as all, (count(*) filter (where status in ('SUCCESS', 'FAILED')))::int as ended
          from ${sql(table)}`
      return row ?? { all: 0, ended: 0 }
    },
    /** Returns the milliseconds from creation to the end of the payments that were created last. */
    async durations(last: number) {
      const rows = await sql<{ ms: number }[]>`
        select extract(epoch from updated_at - created_at)::float8 * 1000 as ms
          from ${sql(table)} order by created_at desc limit ${last}`
      return rows.map(({ ms }) => ms)
    },
  }
}
