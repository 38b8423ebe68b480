import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import pg from 'pg'
import postgres from 'postgres'
import { PAYLOAD, unsupported, type Driver, type Payload } from './driver.ts'

const LOCAL_QUEUE = 500

/** Graphile Worker with its local queue and batched completion. */
export function graphileWorker(url: string): Driver {
  const logger = new Logger(() => () => {})
  return {
    name: 'Graphile Worker',
    setting: `local queue of ${LOCAL_QUEUE}, completions batched, pool of 10; done jobs deleted`,
    async open() {
      const sql = postgres(url, { max: 1, onnotice: () => {} })
      const adders = openPool(url)
      const utils = await makeWorkerUtils({ pgPool: adders, logger })
      await utils.migrate()
      await sql`truncate graphile_worker._private_jobs`
      return {
        add: (payload) => utils.addJob('work', payload),
        addMany: (count) =>
          utils.addJobs(Array.from({ length: count }, () => ({ identifier: 'work', payload: PAYLOAD }))),
        async work({ concurrency, handle }) {
          let completed = 0
          const pool = openPool(url)
          const runner = await run({
            pgPool: pool,
            noHandleSignals: true,
            logger,
            concurrency,
            taskList: {
              work: async (payload) => {
                await handle(payload as Payload, unsupported)
              },
            },
            preset: {
              worker: { localQueue: { size: concurrency === 1 ? 2 : LOCAL_QUEUE }, completeJobBatchDelay: 0 },
            },
          })
          runner.events.on('job:success', () => completed++)
          return {
            completed: () => completed,
            async stop() {
              try {
                await runner.stop()
              } finally {
                await pool.end()
              }
            },
          }
        },
        async counts() {
          const [row] = await sql<{ n: number }[]>`select count(*)::int n from graphile_worker._private_jobs`
          return { waiting: row?.n ?? 0, dead: 0 }
        },
        async close() {
          await utils.release()
          await adders.end()
          await sql.end()
        },
      }
    },
  }
}

/** Graphile Worker does not wait until its own pool has ended, and would not notice a server that ends before. */
function openPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 10 })
  const ignore = (): void => {}
  pool.on('error', ignore)
  pool.on('connect', (client) => client.on('error', ignore))
  return pool
}
