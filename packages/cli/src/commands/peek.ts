import { createInspector, type JobState, type JobView } from '@titan/queue-core'
import { choice, EXIT, wholeNumber, type Program } from '@titan/service'
import {
  formatData,
  formatDuration,
  formatTimestamp,
  formatTable,
  writeResult,
  type Cell,
} from '../output.ts'
import { commonSettings, queueProgram, type QueueSettings, type QueueServers } from './queue.ts'

/** The settings of `titan peek`. */
export interface PeekSettings extends QueueSettings {
  readonly state: JobState
  readonly count: number
}

/** The program `titan peek`. */
export const peekProgram: Program<PeekSettings, QueueServers> = queueProgram({
  name: 'titan peek',
  description: 'Show the next jobs of a queue, or those that workers hold, with their data.',
  settings: {
    ...commonSettings,
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
  run: async ({ state, count, json }, { queue, redis, prefix }) => {
    const jobs = await createInspector(redis, queue.name, { prefix }).peek(state, count)
    writeResult(json, { queue: queue.name, state, jobs: jobs.map(toJson) }, () =>
      jobs.length === 0 ? `no ${state} jobs in queue ${queue.name}` : formatJobs(state, jobs),
    )
    return EXIT.ok
  },
})

/** A job with null for what it has not, so that every one has the same shape. */
export function toJson(job: JobView): Readonly<Record<string, unknown>> {
  const { data = null, dueAt, entryId = null, consumer = null, idleMs = null, deliveries = null } = job
  const due = dueAt === undefined ? null : new Date(dueAt).toISOString()
  return { ...job, data, dueAt: due, entryId, consumer, idleMs, deliveries }
}

const DATA_WIDTH = 80

function formatJobs(state: JobState, jobs: readonly JobView[]): string {
  const column: Readonly<Record<JobState, readonly [string, (job: JobView) => Cell][]>> = {
    ready: [
      ['age', ({ entryId = '' }) => formatDuration(Math.max(0, Date.now() - Number.parseInt(entryId)))],
    ],
    leased: [
      ['worker', ({ consumer = '' }) => consumer],
      ['idle', ({ idleMs = 0 }) => formatDuration(idleMs)],
      ['delivered', ({ deliveries = 0 }) => deliveries],
    ],
    delayed: [['due', ({ dueAt }) => formatTimestamp(dueAt)]],
    parked: [],
  }
  const heads = ['id', 'job', 'priority', ...column[state].map(([head]) => head), 'failures', 'data']
  const rows = jobs.map((job) => [
    job.id,
    job.name,
    job.priority,
    ...column[state].map(([, show]) => show(job)),
    job.failures,
    formatData(job.data, DATA_WIDTH),
  ])
  return formatTable(heads, rows)
}
