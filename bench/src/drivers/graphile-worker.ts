import { Logger, makeWorkerUtils, run } from 'graphile-worker'
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
      const utils = await makeWorkerUtils({ connectionString: url, logger, maxPoolSize: 10 })
      await utils.migrate()
      await sql`truncate graphile_worker._private_jobs`
      return {
        add: (payload) => utils.addJob('work', payload),
        addMany: (count) =>
          utils.addJobs(Array.from({ length: count }, () => ({ identifier: 'work', payload: PAYLOAD }))),
        async work({ concurrency, handle }) {
          let completed = 0
          const runner = await run({
            connectionString: url,
            noHandleSignals: true,
            logger,
            concurrency,
            maxPoolSize: 10,
            taskList: {
              work: async (payload) => {
                await handle(payload as Payload, unsupported)
              },
            },
            preset: {
              worker: {
                localQueue: { size: concurrency === 1 ? 2 : LOCAL_QUEUE },
                completeJobBatchDelay: 0,
              },
            },
          })
          runner.events.on('job:success', () => completed++)
          return { completed: () => completed, stop: () => runner.stop() }
        },
        async counts() {
          const [row] = await sql<{ n: number }[]>`select count(*)::int n from graphile_worker._private_jobs`
          return { waiting: row?.n ?? 0, dead: 0 }
        },
        async close() {
          await utils.release()
          await sql.end()
        },
      }
    },
  }
}
