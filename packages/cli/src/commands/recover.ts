import {
  createPaymentStore,
  createReconciler,
  createRelay,
  PAYMENTS_QUEUE,
  recordPartitions,
  requirePartitions,
  storeSettings,
  type Database,
  type PaymentJobs,
  type Rebuilt,
} from '@titan/payments'
import { createInspector, createQueue } from '@titan/queue-core'
import { toggle, type Redis } from '@titan/service'
import { command } from '../command.ts'
import { withProgress } from '../terminal.ts'
import { recorded } from './audit.ts'

/** `titan recover`. */
export const recoverCommand = command({
  name: 'titan recover',
  description: 'Enqueue unfinished payments whose job is missing in Redis. Safe to repeat.',
  settings: { dryRun: toggle({ flag: 'dry-run', about: 'Count missing jobs without adding them.' }, false) },
  groups: { config: storeSettings },
  async run({ dryRun }, { config: { prefix, partitions }, database, print, ...session }) {
    const sql = await database()
    await (dryRun ? requirePartitions : recordPartitions)(sql, PAYMENTS_QUEUE, partitions)
    const redis = await session.redis()
    const perform = async (): Promise<Rebuilt> =>
      withProgress('payments', await countUnfinished(sql), (onProgress) =>
        recover({
          sql,
          redis,
          prefix,
          partitions,
          dryRun,
          onProgress: (soFar) => onProgress(soFar.added + soFar.present),
        }),
      )
    const summarise = ({ added, present }: Rebuilt): string => `${added} added, ${present} already there`
    const act = { action: 'recover', target: 'payments' }
    const { added, present } = dryRun ? await perform() : await recorded(sql, act, perform, summarise)
    const jobs = `${added} ${added === 1 ? 'job' : 'jobs'}`
    print(
      { added, present, dryRun },
      () => `${jobs} ${dryRun ? 'would be added' : 'added'}, ${present} already there`,
    )
    return true
  },
})

/** What {@link recover} works on. */
export interface RecoverOptions {
  readonly sql: Database
  readonly redis: Pick<Redis, 'client' | 'send'>
  /** First part of the queue's keys. @default 'titan' */
  readonly prefix?: string
  /** Partitions of the queue. @default 1 */
  readonly partitions?: number
  /** Counts only. @default false */
  readonly dryRun?: boolean
  /** Called after each batch. @default none */
  readonly onProgress?: (soFar: Rebuilt) => void
}

/** Payments per batch. */
const BATCH = 1_000

/**
 * Gives every unfinished payment its job back, as after a loss of Redis: those that are QUEUED or PROCESSING under their
 * present job id, so that only what is missing is added, and then those that are PENDING. Programs may run meanwhile.
 *
 * @throws errors of PostgreSQL and Redis as they are; what was added stays, and a repeat continues
 */
export async function recover(options: RecoverOptions): Promise<Rebuilt> {
  return options.dryRun === true ? count(options) : rebuild(options)
}

/** How many payments {@link recover} looks at, so that its progress has an end. */
async function countUnfinished(sql: Database): Promise<number> {
  // Written out per state, so that each reads its own partial index.
  const [row] = await sql<{ total: number }[]>`
    select ((select count(*) from payments where status = 'PENDING')
            + (select count(*) from payments where status = 'QUEUED')
            + (select count(*) from payments where status = 'PROCESSING' and not needs_review))::float8 as total`
  return row?.total ?? 0
}

async function rebuild({
  sql,
  redis,
  prefix = 'titan',
  partitions = 1,
  onProgress = () => {},
}: RecoverOptions): Promise<Rebuilt> {
  const queue = createQueue<PaymentJobs>(redis.client, PAYMENTS_QUEUE, { prefix, partitions })
  const shared = { store: createPaymentStore(sql), queue, batchSize: BATCH, actor: 'recover' }
  let soFar = await createReconciler({ ...shared, redis, prefix, partitions }).rebuild(onProgress)
  const relay = createRelay({ ...shared, timeoutMs: 5_000 })
  // A batch that is not full was the last one: later payments are for the relays of the workers.
  let relayed: number
  do {
    relayed = await relay.runOnce()
    soFar = { ...soFar, added: soFar.added + relayed }
    if (relayed > 0) onProgress(soFar)
  } while (relayed === BATCH)
  return soFar
}

/** Lets the reconciler rebuild a queue that only looks for its jobs. Without Redis it writes nothing to PostgreSQL. */
async function count({ sql, redis, onProgress, ...options }: RecoverOptions): Promise<Rebuilt> {
  const { prefix = 'titan', partitions = 1 } = options
  const inspector = createInspector(redis.client, PAYMENTS_QUEUE, { prefix, partitions })
  const queue = {
    ...createQueue<PaymentJobs>(redis.client, PAYMENTS_QUEUE, { prefix, partitions }),
    enqueueMany: (jobs: readonly { readonly id?: string | undefined }[]) =>
      Promise.all(
        jobs.map(async ({ id = '' }) => ({ id, duplicate: (await inspector.find(id)) !== undefined })),
      ),
  }
  const reconciler = createReconciler({ store: createPaymentStore(sql), queue, batchSize: BATCH })
  const { added, present } = await reconciler.rebuild(onProgress)
  const [row] = await sql<{ pending: number }[]>`
    select count(*)::float8 as pending from payments where status = 'PENDING'`
  return { added: added + (row?.pending ?? 0), present }
}
