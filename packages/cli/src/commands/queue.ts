import { PAYMENTS_QUEUE, queueSettings, requirePartitions, type Database } from '@titan/payments'
import { textOf } from '@titan/queue-core/text-of'
import {
  createInspector,
  createQueue,
  type JobState,
  type JobView,
  type Queue,
  type RedisClient,
} from '@titan/queue-core'
import { choice, text, wholeNumber, type SettingsOf, type SettingsTable } from '@titan/service'
import { command, type Command, type Session } from '../command.ts'
import { formatData, formatDuration, formatTable, formatTimestamp, type Cell } from '../output.ts'
import { recorded } from './audit.ts'

/** The jobs of any queue: nothing is known of their data. */
export type AnyJobs = Record<string, unknown>

/**
 * `--queue`. Variables tell where the servers are, and nothing else: a shell that has one set must not change what a
 * command is about, or spare it a question.
 */
export const queueSetting = text(
  { flag: 'queue', about: 'Name of the queue. Outgoing webhooks use the queue webhooks.' },
  { fallback: PAYMENTS_QUEUE, form: /^[\w.:-]{1,100}$/, rule: '1 to 100 letters, digits or . : - _' },
)

/** Where the keys of a queue are. */
export interface Place {
  readonly prefix: string
  readonly partitions: number
}

/** Returns where a queue is. That of the payments alone is spread: of other queues nothing is recorded. */
export function placeOf(queue: string, { prefix, partitions }: Place): Place {
  return { prefix, partitions: queue === PAYMENTS_QUEUE ? partitions : 1 }
}

/** A queue that is open, for a command. */
export interface OpenQueue extends Pick<Session, 'print' | 'complain'> {
  readonly queue: Queue<AnyJobs>
  readonly redis: RedisClient
  readonly place: Place
  /** Performs an act as {@link recorded} does, where `DATABASE_URL` says where the record is. */
  record<Result>(
    action: string,
    target: string,
    perform: () => Promise<Result>,
    summarise: (result: Result) => string,
  ): Promise<Result>
}

const groups = { config: queueSettings }

/** Creates a command on a queue in Redis. */
export function queueCommand<Own>(definition: {
  readonly name: string
  readonly description: string
  readonly settings: SettingsTable<Own>
  run(own: Own, open: OpenQueue): Promise<boolean>
}): Command {
  type All = Own & { readonly queue: string }
  return command<All, SettingsOf<typeof groups>>({
    ...definition,
    settings: { queue: queueSetting, ...definition.settings } as SettingsTable<All>,
    groups,
    async run(own, { config, database, print, complain, ...session }) {
      let opening: Promise<Database> | undefined
      const open = (): Promise<Database> => (opening ??= database())
      const place = placeOf(own.queue, config)
      if (own.queue === PAYMENTS_QUEUE && config.databaseUrl !== undefined)
        await checkPartitions(open, place.partitions, complain)
      const { client: redis } = await session.redis()
      const queue = createQueue<AnyJobs>(redis, own.queue, place)
      const record: OpenQueue['record'] = async (action, target, perform, summarise) => {
        if (config.databaseUrl !== undefined)
          return recorded(await open(), { action, target }, perform, summarise)
        complain('DATABASE_URL is not set, so no audit record is written')
        return perform()
      }
      return definition.run(own, { queue, redis, place, record, print, complain })
    },
  })
}

/** Refuses another number of partitions than the programs have. A look at a queue needs no PostgreSQL. @throws Failure */
async function checkPartitions(
  open: () => Promise<Database>,
  partitions: number,
  complain: Session['complain'],
): Promise<void> {
  const sql = await open().catch((error: unknown) =>
    complain(`QUEUE_PARTITIONS=${partitions} is not checked: ${textOf(error)}`),
  )
  if (sql !== undefined) await requirePartitions(sql, PAYMENTS_QUEUE, partitions)
}

/** `titan pause`. */
export const pause = queueCommand({
  name: 'titan pause',
  description:
    'Stop the workers of a queue from starting jobs. Running jobs finish, and jobs can still be enqueued.',
  settings: {},
  async run(_, { queue, record, print }) {
    await record('queue.pause', queue.name, queue.pause.bind(queue), () => 'paused')
    print({ queue: queue.name, paused: true }, () => `queue ${queue.name} is paused`)
    return true
  },
})

/** `titan resume`. */
export const resume = queueCommand({
  name: 'titan resume',
  description: 'Let the workers of a paused queue start jobs again.',
  settings: {},
  async run(_, { queue, record, print }) {
    await record('queue.resume', queue.name, queue.resume.bind(queue), () => 'resumed')
    print({ queue: queue.name, paused: false }, () => `queue ${queue.name} is not paused`)
    return true
  },
})

/** `titan peek`. */
export const peek = queueCommand({
  name: 'titan peek',
  description: 'Show the next jobs of a queue, or those that workers hold, with their data.',
  settings: {
    state: choice(
      { flag: 'state', about: 'State of the jobs. Parked jobs wait for their ordering key.' },
      ['ready', 'leased', 'delayed', 'parked'],
      'ready',
    ),
    count: wholeNumber(
      { flag: 'count', about: 'Maximum number of jobs.' },
      { fallback: 10, min: 1, max: 1_000 },
    ),
  },
  async run({ state, count }, { queue, redis, place, print }) {
    const jobs = await createInspector(redis, queue.name, place).peek(state, count)
    print({ queue: queue.name, state, jobs: jobs.map(toJson) }, () =>
      formatTable(
        jobs.map((job) => ({
          id: job.id,
          job: job.name,
          priority: job.priority,
          ...OF_STATE[state](job),
          failures: job.failures,
          data: formatData(job.data, 80),
        })),
        `no ${state} jobs in queue ${queue.name}`,
      ),
    )
    return true
  },
})

/** A job with null for what it has not, so that every one has the same shape. */
export function toJson(job: JobView): Readonly<Record<string, unknown>> {
  const { data = null, dueAt, entryId = null, consumer = null, idleMs = null, deliveries = null } = job
  const due = dueAt === undefined ? null : new Date(dueAt).toISOString()
  return { ...job, data, dueAt: due, entryId, consumer, idleMs, deliveries }
}

/** What is shown of a job in one state only. */
const OF_STATE: Readonly<Record<JobState, (job: JobView) => Readonly<Record<string, Cell>>>> = {
  // The id of an entry begins with the time at which it was added.
  ready: ({ entryId = '' }) => ({ age: formatDuration(Math.max(0, Date.now() - Number.parseInt(entryId))) }),
  leased: ({ consumer = '', idleMs = 0, deliveries = 0 }) => ({
    worker: consumer,
    idle: formatDuration(idleMs),
    delivered: deliveries,
  }),
  delayed: ({ dueAt }) => ({ due: formatTimestamp(dueAt) }),
  parked: () => ({}),
}
