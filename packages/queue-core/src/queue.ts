import { fixedKeys } from './broker.ts'
import { createBatcher, type Batcher } from './batcher.ts'
import { shareConnection, type RedisClient } from './connection.ts'
import { createDeadLetters, type DeadLetters } from './dead-letters.ts'
import { enqueue, type Entry } from './enqueue.ts'
import { checkMembers, QueueError } from './errors.ts'
import type { JobMap, JobName, JobOptions, NewJob } from './job.ts'
import { checkName, encodeData, plainJobId } from './job.ts'
import { levelOf } from './levels.ts'
import { QUEUE_OPTIONS, resolveQueue, type QueueOptions } from './options.ts'
import { checkJobs, checkOptions, describeDue, describeJob, needsMeta } from './new-job.ts'
import { partitionKeys, partitionOf, type QueuePartition } from './partition.ts'
import { createSchedules, type Schedules } from './schedules.ts'
import { readSchemas, validate } from './schema.ts'
import { readStats, type QueueStats } from './stats.ts'
import { runScript, scripts } from './scripts.ts'
import { beginSend } from './tracing.ts'
import { createTurns } from './turns.ts'

/** The answer to an enqueue. */
export interface Enqueued {
  /** Id of the job: the one that was given, or the one that the library made. */
  readonly id: string
  /** True: a job of this id is alive or recently done, nothing was added. */
  readonly duplicate: boolean
}

/**
 * `done`; `leased`: a worker has the job, nothing changed; `ready`: it is due already, so it cannot be rescheduled;
 * `unknown`: no such job, or one without an id of the producer's.
 */
export type AmendResult = 'done' | 'leased' | 'ready' | 'unknown'

/** Produces and inspects the jobs of one queue. */
export interface Queue<Jobs extends JobMap> extends DeadLetters, Schedules<Jobs> {
  /** Name of the queue. */
  readonly name: string
  /**
   * Adds a job; resolves when Redis has stored it. Calls of one turn of the event loop travel together.
   * @throws {QueueError} `INVALID_PAYLOAD`, `INVALID_OPTIONS`, `QUEUE_FULL`, `CLOSED`, and `NO_REPLY` when nothing is
   * known: then enqueue again, with an `id`. Errors of Redis and of the network as they are.
   */
  enqueue<Name extends JobName<Jobs>>(name: Name, data: Jobs[Name], options?: JobOptions): Promise<Enqueued>
  /**
   * Adds many jobs, a thousand a round trip; the answers are in the order of the jobs. One bad job and none is added.
   * @throws {QueueError} as `enqueue`; `QUEUE_FULL` carries in `accepted` which jobs were added
   */
  enqueueMany(jobs: readonly NewJob<Jobs>[]): Promise<Enqueued[]>
  /** Removes a job that has not started: a delayed one by any id, a waiting one by an id that the producer gave. */
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
  /** Stops all workers of the queue from starting jobs, within a second; running ones end. Enqueueing goes on. Idempotent. */
  pause(): Promise<void>
  /** Ends a pause. Idempotent. */
  resume(): Promise<void>
  /** Counts jobs by state; computed at each call. */
  stats(): Promise<QueueStats>
  /** Waits for enqueues that are under way and refuses further ones. The client stays the caller's. Idempotent. */
  close(): Promise<void>
}

interface Pending {
  readonly entry: Entry
  readonly resolve: (reply: string) => void
  readonly reject: (error: unknown) => void
}

const CHUNK = 1_000
const WRITES_IN_FLIGHT = 4
/** Jobs of `enqueueMany` that leave in one turn of the event loop, unless a single call has more. */
const JOBS_PER_TURN = 100

/**
 * Opens a queue over a connected node-redis client.
 * @throws {QueueError} `INVALID_OPTIONS`
 * @example
 * const queue = createQueue<{ 'email.send': { to: string } }>(redis, 'emails')
 * await queue.enqueue('email.send', { to: 'ada@example.com' }, { delayMs: 60_000 })
 */
export function createQueue<Jobs extends JobMap>(
  redis: RedisClient,
  name: string,
  options: QueueOptions<Jobs> = {},
): Queue<Jobs> {
  checkMembers('createQueue', options, QUEUE_OPTIONS)
  const { prefix, partitions, maxLength, maxPayloadBytes } = resolveQueue(name, options)
  const schemas = readSchemas(options.schemas)
  const parts = partitionKeys(prefix, name, partitions).map((keys, index): QueuePartition => ({
    index,
    keys,
    fixed: fixedKeys(keys),
    connection: shareConnection(redis, keys.dlq),
  }))
  const batchers = parts.map((part) => createWriter(part, maxLength))
  const turns = createTurns(JOBS_PER_TURN)
  const calls = new Set<Promise<unknown>>()
  let closed = false
  let turn = 0

  /** Everything about one job that needs no Redis. */
  function prepare(jobName: string, data: unknown, options: JobOptions): { part: number; entry: Entry } {
    checkName(jobName)
    const text = encodeData(jobName, data, maxPayloadBytes)
    const level = levelOf(options.priority ?? 'default')
    const full = needsMeta(options) ? describeJob(options) : undefined
    const routeBy = options.orderingKey ?? options.id
    const part = routeBy === undefined ? turn++ % partitions : partitionOf(routeBy, partitions)
    return {
      part,
      entry:
        full === undefined
          ? { level, name: jobName, data: text }
          : { level, name: jobName, data: text, full },
    }
  }

  function answer(prepared: { part: number; entry: Entry }, reply: string): Enqueued | undefined {
    if (reply === '!') return undefined
    const { full, level } = prepared.entry
    if (full !== undefined) return { id: full.id, duplicate: reply === '=' }
    const id = plainJobId(reply, level, partitions === 1 ? undefined : prepared.part)
    return { id, duplicate: false }
  }

  function assertOpen(): void {
    if (closed) throw new QueueError('CLOSED', `Queue "${name}" is closed`)
  }

  const fullError = (accepted?: (Enqueued | undefined)[]): QueueError =>
    new QueueError(
      'QUEUE_FULL',
      `Queue "${name}" holds its limit of ${maxLength} jobs: try again when workers have caught up`,
      accepted === undefined ? {} : { accepted },
    )

  return {
    name,
    async enqueue(jobName, data, options = {}) {
      assertOpen()
      checkOptions('enqueue', options)
      const send = beginSend(name, [options])
      if (send === undefined) return enqueueOne(jobName, data, options)
      return send.run(() => enqueueOne(jobName, data, send.mark(options)))
    },
    async enqueueMany(jobs) {
      assertOpen()
      checkJobs(jobs)
      const send = beginSend(name, jobs)
      if (send === undefined) return track(enqueueAll(jobs))
      return track(send.run(() => enqueueAll(jobs.map((job) => send.mark(job)))))
    },
    cancel: (id) => amend('cancel', id, ''),
    async reschedule(id, when) {
      return amend('reschedule', id, describeDue(when))
    },
    async pause() {
      await Promise.all(parts.map((part) => steer(part, true)))
    },
    async resume() {
      await Promise.all(parts.map((part) => steer(part, false)))
    },
    stats: () => readStats(parts),
    ...createDeadLetters(name, parts, maxLength),
    ...createSchedules<Jobs>(name, parts, schemas, maxPayloadBytes),
    async close() {
      closed = true
      await Promise.allSettled(calls)
      await Promise.all(batchers.map((batcher) => batcher.idle()))
    },
  }

  function track<Value>(call: Promise<Value>): Promise<Value> {
    calls.add(call)
    const forget = (): void => void calls.delete(call)
    call.then(forget, forget)
    return call
  }

  async function enqueueOne(jobName: JobName<Jobs>, data: unknown, options: JobOptions): Promise<Enqueued> {
    const checked = validate(schemas, jobName, data)
    const prepared = prepare(jobName, checked instanceof Promise ? await checked : checked, options)
    const reply = await write(batchers, prepared)
    const enqueued = answer(prepared, reply)
    if (enqueued === undefined) throw fullError()
    return enqueued
  }

  async function enqueueAll(jobs: readonly NewJob<Jobs>[]): Promise<Enqueued[]> {
    const values =
      schemas === undefined
        ? undefined
        : await Promise.all(jobs.map((job) => validate(schemas, job.name, job.data)))
    // All are checked before the first is sent: a bad one in the middle must not leave half of them behind.
    const all = jobs.map((job, index) =>
      prepare(job.name, values === undefined ? job.data : values[index], job),
    )
    await turns.take(jobs.length)
    const results: (Enqueued | undefined)[] = []
    const writes: Promise<void>[] = []
    for (let from = 0; from < all.length; from += CHUNK) {
      const groups = new Map<number, { index: number; prepared: ReturnType<typeof prepare> }[]>()
      for (const [offset, prepared] of all.slice(from, from + CHUNK).entries()) {
        const group = groups.get(prepared.part)
        const item = { index: from + offset, prepared }
        if (group === undefined) groups.set(prepared.part, [item])
        else group.push(item)
      }
      for (const [partIndex, group] of groups) {
        const part = parts[partIndex]
        if (part === undefined) continue
        const entries = group.map((item) => item.prepared.entry)
        writes.push(
          enqueue(part.connection, part.keys, part.fixed, maxLength, entries).then((replies) => {
            for (const [at, { index, prepared }] of group.entries())
              results[index] = answer(prepared, replies[at] ?? '!')
          }),
        )
      }
    }
    await settleAll(writes)
    const accepted = results.filter((result) => result !== undefined)
    if (accepted.length < jobs.length) throw fullError(results)
    return accepted
  }

  /** A job with an ordering key is where its key sent it, so every partition is asked. */
  async function amend(verb: 'cancel' | 'reschedule', id: string, due: string): Promise<AmendResult> {
    for (const part of parts) {
      const result = await runScript<AmendResult>(part.connection, scripts.amend, part.fixed, [verb, id, due])
      if (result !== 'unknown') return result
    }
    return 'unknown'
  }
}

function createWriter(part: QueuePartition, maxLength: number): Batcher<Pending> {
  return createBatcher<Pending>(
    CHUNK,
    async (batch) => {
      const entries = batch.map((pending) => pending.entry)
      try {
        const replies = await enqueue(part.connection, part.keys, part.fixed, maxLength, entries)
        for (const [index, { resolve }] of batch.entries()) resolve(replies[index] ?? '!')
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    },
    WRITES_IN_FLIGHT,
  )
}

function write(
  batchers: readonly Batcher<Pending>[],
  { part, entry }: { part: number; entry: Entry },
): Promise<string> {
  return new Promise((resolve, reject) => {
    batchers[part]?.push({ entry, resolve, reject })
  })
}

/** Waits for all, then throws the first failure: no write goes on behind the caller's back. */
async function settleAll(writes: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(writes))
    if (outcome.status === 'rejected') throw outcome.reason
}

async function steer({ connection, keys }: QueuePartition, paused: boolean): Promise<void> {
  await connection.send(paused ? ['SET', keys.paused, '1'] : ['DEL', keys.paused])
  await connection.send([
    'XADD',
    keys.control,
    'MAXLEN',
    '64',
    '*',
    'e',
    paused ? 'paused' : 'resumed',
    'v',
    '',
  ])
}
