import { setTimeout as delay } from 'node:timers/promises'
import { levelNumber, plainJobId, readPlainJobId } from '../redis/layout.ts'
import { createBatcher, type Batcher } from '../async/batcher.ts'
import type { RedisClient } from '../redis/connection.ts'
import { createDeadLetters, type DeadLetters } from './dead-letters.ts'
import { enqueue, type Entry } from '../redis/enqueue.ts'
import { checkMembers, QueueError } from '../model/errors.ts'
import type { JobMap, JobName, JobOptions, NewJob } from '../model/job.ts'
import { checkName, encodeData, isKey } from '../model/job.ts'
import { levelOf } from '../model/levels.ts'
import type { Members } from '../model/members.ts'
import { QUEUE_OPTIONS, resolveQueue, type QueueOptions } from '../model/options.ts'
import { checkJobs, checkOptions, describeDue, describeJob, needsMeta } from './new-job.ts'
import { partitionOf, sharePartitions, type QueuePartition } from '../redis/partition.ts'
import { createSchedules, type Schedules } from './recurring.ts'
import { readSchemas, validate } from '../model/schema.ts'
import { readStats, type QueueStats } from '../redis/stats.ts'
import { runScript, scripts } from '../redis/scripts.ts'
import { textOf } from '../model/text-of.ts'
import { beginSend } from '../model/tracing.ts'
import { createFairTurns } from '../async/fair-turns.ts'

/** The answer to an enqueue. */
export interface Enqueued {
  /** Id of the job: the one that was given, or the one that the library made. */
  readonly id: string
  /** True: a job of this id is alive or recently done, nothing was added. */
  readonly duplicate: boolean
}

/**
 * `done`; `leased`: a worker has the job, nothing changed; `ready`: it is due already, so it cannot be rescheduled;
 * `unknown`: no such job, or a waiting one with options whose id the library made.
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
   * @throws {QueueError} as `enqueue`, and `INCOMPLETE` for an error of Redis or of the network, which is its `cause`.
   * Once sending has begun each error carries in `accepted` the answers of the jobs that are known to be stored
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
   * Stops all workers of the queue from starting jobs, within a second; running ones end. Enqueueing goes on. Idempotent.
   * `waitMs`: how long to wait until no job runs any more, in milliseconds. @default 0
   * @returns whether no job ran when it resolved
   */
  pause(options?: { readonly waitMs?: number }): Promise<boolean>
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
const PAUSE_OPTIONS: Members<NonNullable<Parameters<Queue<JobMap>['pause']>[0]>> = { waitMs: true }
/** Between two looks for jobs that still run, in milliseconds. */
const LOOK_EVERY_MS = 50
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
  const parts = sharePartitions(redis, prefix, name, partitions)
  const batchers = parts.map((part) => createWriter(part, maxLength))
  const fairTurns = createFairTurns(JOBS_PER_TURN)
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
      if (send !== undefined) return track(send.run(() => enqueueOne(jobName, data, send.mark(options))))
      // Without a schema the job is with its writer at once, and that is waited for.
      return schemas === undefined
        ? enqueueOne(jobName, data, options)
        : track(enqueueOne(jobName, data, options))
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
    async pause(options = {}) {
      checkMembers('pause', options, PAUSE_OPTIONS)
      await Promise.all(parts.map((part) => steer(part, true)))
      // The pause is in force: a look that fails does not undo it.
      if (options.waitMs === undefined)
        return readStats(parts).then(
          ({ leased }) => leased === 0,
          () => false,
        )
      const until = performance.now() + options.waitMs
      while ((await readStats(parts)).leased > 0) {
        if (performance.now() >= until) return false
        await delay(Math.min(LOOK_EVERY_MS, Math.max(1, until - performance.now())))
      }
      return true
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
    // What is stored is what came in: the schema's output is made once, where the job runs.
    const checked = validate(schemas, jobName, data)
    if (checked instanceof Promise) await checked
    const prepared = prepare(jobName, data, options)
    const reply = await write(batchers, prepared)
    const enqueued = answer(prepared, reply)
    if (enqueued === undefined) throw fullError()
    return enqueued
  }

  async function enqueueAll(jobs: readonly NewJob<Jobs>[]): Promise<Enqueued[]> {
    if (schemas !== undefined) await Promise.all(jobs.map((job) => validate(schemas, job.name, job.data)))
    // All are checked before the first is sent: a bad one in the middle must not leave half of them behind.
    const all = jobs.map((job) => prepare(job.name, job.data, job))
    await fairTurns.take(jobs.length)
    const results: (Enqueued | undefined)[] = Array.from({ length: all.length })
    const failure = await writeAll(all, results)
    if (failure !== undefined) throw incomplete(failure.error, results)
    const accepted = results.filter((result) => result !== undefined)
    if (accepted.length < jobs.length) throw fullError(results)
    return accepted
  }

  /**
   * Writes chunks in their order, a few in flight: the client drops what it could not send for a while. Fills in the
   * answers; begins no further chunk after a failure, and answers it.
   */
  async function writeAll(
    all: readonly ReturnType<typeof prepare>[],
    results: (Enqueued | undefined)[],
  ): Promise<{ readonly error: unknown } | undefined> {
    let failure: { readonly error: unknown } | undefined
    const inFlight = new Set<Promise<void>>()
    for (let from = 0; from < all.length && failure === undefined; from += CHUNK) {
      for (const [part, indexes] of groupByPart(all.slice(from, from + CHUNK), from)) {
        const entries = indexes.flatMap((index) => all[index]?.entry ?? [])
        const write = enqueue(part.connection, part.keys, part.fixed, maxLength, entries)
          .then((replies) => {
            for (const [at, index] of indexes.entries()) {
              const prepared = all[index]
              if (prepared !== undefined) results[index] = answer(prepared, replies[at] ?? '!')
            }
          })
          .catch((error: unknown) => {
            failure ??= { error }
          })
          .finally(() => inFlight.delete(write))
        inFlight.add(write)
      }
      while (inFlight.size >= WRITES_IN_FLIGHT) await Promise.race(inFlight)
    }
    // No write continues after the call has returned.
    await Promise.all(inFlight)
    return failure
  }

  /** Indexes of jobs by their partition; `from` is the index of the first one. */
  function groupByPart(
    chunk: readonly ReturnType<typeof prepare>[],
    from: number,
  ): Map<QueuePartition, number[]> {
    const groups = new Map<QueuePartition, number[]>()
    for (const [offset, { part: index }] of chunk.entries()) {
      const part = parts[index]
      if (part === undefined) continue
      const group = groups.get(part)
      if (group === undefined) groups.set(part, [from + offset])
      else group.push(from + offset)
    }
    return groups
  }

  function incomplete(error: unknown, accepted: readonly (Enqueued | undefined)[]): QueueError {
    const stored = accepted.filter((result) => result !== undefined).length
    return new QueueError(
      error instanceof QueueError ? error.code : 'INCOMPLETE',
      `${stored} of ${accepted.length} jobs of queue "${name}" are known to be stored, see "accepted". ` +
        `Enqueue the others again, with ids: ${textOf(error)}`,
      { cause: error, accepted },
    )
  }

  /** A job with an ordering key is where its key sent it, so every partition is asked. */
  async function amend(verb: 'cancel' | 'reschedule', id: string, due: string): Promise<AmendResult> {
    // No job has such an id; in Redis it might look like the id of another one.
    if (!isKey(id)) return 'unknown'
    const plain = readPlainJobId(id)
    for (const part of parts) {
      const isHere = plain?.partition === (partitions === 1 ? undefined : part.index)
      const place = plain !== undefined && isHere ? [levelNumber(plain.level), plain.entryId] : []
      const args = [verb, id, due, ...place]
      const result = await runScript<AmendResult>(part.connection, scripts.amend, part.fixed, args)
      if (result !== 'unknown') return result
    }
    return 'unknown'
  }
}

function createWriter(part: QueuePartition, maxLength: number): Batcher<Pending> {
  return createBatcher<Pending>(
    async (batch) => {
      const entries = batch.map((pending) => pending.entry)
      try {
        const replies = await enqueue(part.connection, part.keys, part.fixed, maxLength, entries)
        for (const [index, { resolve }] of batch.entries()) resolve(replies[index] ?? '!')
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    },
    { maxItems: CHUNK, maxInFlight: WRITES_IN_FLIGHT },
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
