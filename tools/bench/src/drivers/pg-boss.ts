import { PgBoss } from 'pg-boss'
import postgres from 'postgres'
import { PAYLOAD, unsupported, type Driver, type Payload } from './driver.ts'

const BATCH = 500
const POLLERS = 4

/** Name of the side that keeps its jobs in PostgreSQL. */
export const PG_BOSS = 'pg-boss'

/** pg-boss, fetching and completing in batches, without pauses while there is work. */
export function pgBoss(url: string): Driver {
  return {
    name: PG_BOSS,
    setting: `batches of ${BATCH}, fetched by ${POLLERS} pollers without a pause while full; done jobs kept (its design)`,
    async open() {
      const boss = new PgBoss({ connectionString: url, max: 10, supervise: false, schedule: false })
      let isClosing = false
      boss.on('error', (error) => {
        if (!isClosing) console.error(error)
      })
      await boss.start()
      const sql = postgres(url, { max: 1 })
      await boss.createQueue('bench')
      await boss.deleteAllJobs('bench')
      return {
        add: (payload) => boss.send('bench', payload),
        addMany: (count) =>
          boss.insert(
            'bench',
            Array.from({ length: count }, () => ({ data: PAYLOAD })),
          ),
        async work({ concurrency, handle }) {
          let completed = 0
          await boss.work<Payload>(
            'bench',
            {
              batchSize: concurrency === 1 ? 1 : BATCH,
              localConcurrency: concurrency === 1 ? 1 : POLLERS,
              pollingIntervalSeconds: 0.5,
              burstWhenBatchFull: true,
            },
            async (jobs) => {
              for (const job of jobs) await handle(job.data, unsupported)
              completed += jobs.length
            },
          )
          return { completed: () => completed, stop: () => boss.offWork('bench') }
        },
        async counts() {
          const [row] = await sql<
            { n: number }[]
          >`select count(*)::int n from pgboss.job where name = 'bench' and state < 'completed'`
          return { waiting: row?.n ?? 0, dead: 0 }
        },
        async close() {
          isClosing = true
          await boss.stop({ graceful: false })
          await sql.end()
        },
      }
    },
  }
}
