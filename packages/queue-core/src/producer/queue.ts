import { setTimeout as delay } from 'node:timers/promises'
import { checkAtLeast, checkMembers } from '../model/errors.ts'
import { isKey, type AnyJobs, type JobMap, type JobName, type JobOptions, type NewJob } from '../model/job.ts'
import type { Members } from '../model/members.ts'
import { QUEUE_OPTIONS, resolveQueue, type QueueOptions } from '../model/options.ts'
import { readSchemas } from '../model/schema.ts'
import { signal } from '../redis/commands.ts'
import type { RedisClient } from '../redis/clients/recognise.ts'
import { levelNumber, readPlainJobId } from '../redis/layout.ts'
import { sharePartitions, type QueuePartition } from '../redis/partition.ts'
import { runScript } from '../redis/scripts.ts'
import { readStats, type QueueStats } from '../redis/stats.ts'
import { createDeadLetters, type DeadLetters } from './dead-letters.ts'
import { Enqueuer, type Enqueued, type QueueContext } from './enqueuer.ts'
import { checkDefaults, describeDue } from './new-job.ts'
import { createSchedules, type Schedules } from './recurring.ts'

/**
 * `done`; `leased`: a worker has the job, nothing changed; `ready`: it is due already, so it cannot be rescheduled;
 * `unknown`: no such job, or a waiting one with options whose id the library made.
 */
export type AmendResult = 'done' | 'leased' | 'ready' | 'unknown'

/** Produces and inspects the jobs of one queue. */
export interface Queue<Jobs extends JobMap = AnyJobs> extends DeadLetters, Schedules<Jobs> {
  /** Name of the queue. */
  readonly name: string
  /**
   * Adds a job; resolves when Redis has stored it. Calls of one turn of the event loop travel together.
   * @throws {QueueError} `INVALID_PAYLOAD`, `INVALID_OPTIONS`, `QUEUE_FULL`, `CLOSED`, `UNSUPPORTED_SERVER`;
   * `NOT_SENT` when Redis is away: nothing was stored; `NO_REPLY` when nothing is known: then enqueue again, with an
   * `id`. Errors that Redis replied as they are.
   */
  enqueue<Name extends JobName<Jobs>>(name: Name, data: Jobs[Name], options?: JobOptions): Promise<Enqueued>
  /**
   * Adds many jobs, up to a thousand a round trip; the results are in the order of the jobs. One bad job and none is added.
   * @throws {QueueError} as `enqueue`, and `INCOMPLETE` for an error that Redis replied, which is its `cause`.
   * Once sending has begun, each error carries in `accepted` the results of the jobs that are known to be stored
   */
  enqueueMany(jobs: readonly NewJob<Jobs>[]): Promise<Enqueued[]>
  /**
   * Removes a job that has not started: a delayed one by any id, a waiting one by an id that the producer gave, or by
   * that of a plain job (one enqueued without options but a priority).
   */
  cancel(id: string): Promise<AmendResult>
  /**
   * Moves the due time of a delayed job. `delayMs`: milliseconds from now; `runAt`: epoch milliseconds, both by the
   * server's clock.
   * @throws {QueueError} `INVALID_OPTIONS`
   */
  reschedule(
    id: string,
    when: { readonly delayMs: number } | { readonly runAt: number },
  ): Promise<AmendResult>
  /**
   * Stops all workers of the queue from starting jobs, within a second; running ones end. Jobs can still be enqueued. Idempotent.
   * `waitMs`: how long to wait until no job runs any more, in milliseconds. @default 0
   * @returns whether no job ran when it resolved
   * @throws {QueueError} `INVALID_OPTIONS`
   */
  pause(options?: { readonly waitMs?: number }): Promise<boolean>
  /** Ends a pause. Idempotent. */
  resume(): Promise<void>
  /** Counts jobs by state; computed at each call. */
  stats(): Promise<QueueStats>
  /** Waits for enqueues that are under way and refuses further ones. The client stays the caller's. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens a queue over a client of node-redis, ioredis or iovalkey, see {@link RedisClient}.
 * @throws {QueueError} `INVALID_OPTIONS`
 * @example
 * const queue = createQueue<{ 'email.send': { to: string } }>(redis, 'emails')
 * await queue.enqueue('email.send', { to: 'ada@example.com' }, { delayMs: 60_000 })
 */
export function createQueue<Jobs extends JobMap = AnyJobs>(
  redis: RedisClient,
  name: string,
  options: QueueOptions<Jobs> = {},
): Queue<Jobs> {
  checkMembers('createQueue', options, QUEUE_OPTIONS)
  const settings = resolveQueue(name, options)
  const { defaults } = options
  if (defaults !== undefined) checkDefaults(defaults)
  const schemas = readSchemas(options.schemas)
  const parts = sharePartitions(redis, name, settings)
  const context: QueueContext = { ...settings, queue: name, parts, schemas, defaults }
  const enqueuer = new Enqueuer(context)
  return {
    name,
    enqueue: (jobName, data, options) => enqueuer.enqueue(jobName, data, options),
    enqueueMany: (jobs) => enqueuer.enqueueMany(jobs),
    cancel: (id) => amend(parts, 'cancel', id, ''),
    reschedule: async (id, when) => amend(parts, 'reschedule', id, describeDue(when)),
    pause: (options) => pause(parts, options),
    resume: () => setPaused(parts, 'resumed'),
    stats: () => readStats(parts),
    ...createDeadLetters(context),
    ...createSchedules<Jobs>(context),
    close: () => enqueuer.close(),
  }
}

const PAUSE_OPTIONS: Members<NonNullable<Parameters<Queue<JobMap>['pause']>[0]>> = { waitMs: true }
/** How often a pause looks for jobs that still run, in milliseconds. */
const LOOK_EVERY_MS = 50

async function pause(
  parts: readonly QueuePartition[],
  options: { readonly waitMs?: number } = {},
): Promise<boolean> {
  checkMembers('pause', options, PAUSE_OPTIONS)
  const { waitMs = 0 } = options
  checkAtLeast('waitMs', waitMs, 0)
  await setPaused(parts, 'paused')
  const isIdle = async (): Promise<boolean> => (await readStats(parts)).leased === 0
  // The pause is in force: a look that fails does not undo it.
  if (options.waitMs === undefined) return isIdle().catch(() => false)
  const until = performance.now() + waitMs
  while (!(await isIdle())) {
    if (performance.now() >= until) return false
    await delay(Math.min(LOOK_EVERY_MS, Math.max(1, until - performance.now())))
  }
  return true
}

async function setPaused(parts: readonly QueuePartition[], state: 'paused' | 'resumed'): Promise<void> {
  const change = async (part: QueuePartition): Promise<void> => {
    const { paused } = part.keys
    await part.connection.send(state === 'paused' ? ['SET', paused, '1'] : ['DEL', paused])
    await signal(part, state)
  }
  await Promise.all(parts.map(change))
}

/** A job with an ordering key is where its key sent it, so every partition is asked. */
async function amend(
  parts: readonly QueuePartition[],
  verb: 'cancel' | 'reschedule',
  id: string,
  due: string,
): Promise<AmendResult> {
  // No job has such an id; in Redis it might look like the id of another one.
  if (!isKey(id)) return 'unknown'
  const plain = readPlainJobId(id)
  for (const part of parts) {
    const isHere = plain !== undefined && plain.partition === part.keys.partition
    const place = isHere ? [levelNumber(plain.level), plain.entryId] : []
    const args = [verb, id, due, ...place]
    const result = await runScript<AmendResult>(part, 'amend', args)
    if (result !== 'unknown') return result
  }
  return 'unknown'
}
