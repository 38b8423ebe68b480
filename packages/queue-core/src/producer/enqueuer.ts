import { types } from 'node:util'
import { createBatcher, type Batcher } from '../async/batcher.ts'
import { createFairTurns } from '../async/fair-turns.ts'
import { QueueError } from '../model/errors.ts'
import { checkName, encodeData, type JobMap, type JobOptions, type NewJob } from '../model/job.ts'
import { levelOf } from '../model/levels.ts'
import type { JobDefaults, ResolvedQueue } from '../model/options.ts'
import { validate, type Schemas } from '../model/schema.ts'
import { textOf } from '../model/text-of.ts'
import { beginSend } from '../model/tracing.ts'
import { chunksOf, enqueue, type EnqueueReply, type Entry } from '../redis/enqueue.ts'
import { plainJobId } from '../redis/layout.ts'
import { partitionOf, type QueuePartition } from '../redis/partition.ts'
import { isNotSent } from '../redis/replies.ts'
import { checkVersion } from '../redis/server-check.ts'
import { checkJobs, checkOptions, describeJob, needsMeta, withDefaults } from './new-job.ts'

/** A queue as its producer's verbs see it. */
export interface QueueContext extends ResolvedQueue {
  readonly queue: string
  readonly parts: readonly QueuePartition[]
  readonly schemas: Schemas | undefined
  readonly defaults: JobDefaults | undefined
}

/** The result of an enqueue. */
export interface Enqueued {
  /** Id of the job: the one that was given, or the one that the library made. */
  readonly id: string
  /** True: a job of this id is alive or recently done, nothing was added. */
  readonly duplicate: boolean
}

/** A partition and what writes single jobs to it. */
interface Target {
  readonly write: Write
  readonly partition: number | undefined
  readonly writer: Batcher<Pending>
}

/** Writes jobs to one partition in one step. */
type Write = (entries: readonly Entry[]) => Promise<EnqueueReply[]>

/** A job that is checked and encoded, its place among the jobs of its call, and where it goes. */
interface Prepared {
  readonly entry: Entry
  readonly position: number
  readonly target: Target
}

interface Pending {
  readonly entry: Entry
  readonly resolve: (reply: EnqueueReply) => void
  readonly reject: (error: unknown) => void
}

/** Most jobs of one round trip. */
const CHUNK = 1_000
const WRITES_IN_FLIGHT = 4
/** Jobs of `enqueueMany` that leave in one turn of the event loop, unless a single call has more. */
const JOBS_PER_TURN = 100

/** Adds jobs to a queue: single ones in batches, many in chunks. */
export class Enqueuer {
  readonly #context: QueueContext
  readonly #targets: readonly Target[]
  readonly #takeTurn = createFairTurns(JOBS_PER_TURN)
  /** Calls that are not with a writer yet. */
  readonly #calls = new Set<Promise<unknown>>()
  #isClosed = false
  #nextTarget = 0

  constructor(context: QueueContext) {
    this.#context = context
    this.#targets = context.parts.map((part) => {
      const write = openWrite(part, context.maxLength)
      return { write, partition: part.keys.partition, writer: createWriter(write) }
    })
  }

  async enqueue(name: string, data: unknown, options: JobOptions = {}): Promise<Enqueued> {
    this.#assertOpen()
    checkOptions('enqueue', options)
    const send = beginSend(this.#context.queue, [options])
    if (send !== undefined)
      return this.#track(send.run(() => this.#enqueueOne(name, data, send.mark(options))))
    const call = this.#enqueueOne(name, data, options)
    // Without a schema the job is with its writer at once, and close() waits for that.
    return this.#context.schemas === undefined ? call : this.#track(call)
  }

  async enqueueMany<Jobs extends JobMap>(jobs: readonly NewJob<Jobs>[]): Promise<Enqueued[]> {
    this.#assertOpen()
    checkJobs(jobs)
    const send = beginSend(this.#context.queue, jobs)
    if (send === undefined) return this.#track(this.#enqueueAll(jobs))
    return this.#track(send.run(() => this.#enqueueAll(jobs.map((job) => send.mark(job)))))
  }

  /** Refuses further jobs and waits for those under way. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#calls)
    await Promise.all(this.#targets.map(({ writer }) => writer.idle()))
  }

  async #enqueueOne(name: string, data: unknown, options: JobOptions): Promise<Enqueued> {
    // What is stored is what came in: the schema's output is made once, where the job runs.
    const checked = validate(this.#context.schemas, name, data)
    if (types.isPromise(checked)) await checked
    const prepared = this.#prepare(name, data, options)
    const { target, entry } = prepared
    const reply = await new Promise<EnqueueReply>((resolve, reject) => {
      target.writer.push({ entry, resolve, reject })
    })
    return toEnqueued(prepared, reply) ?? this.#throwFull()
  }

  async #enqueueAll<Jobs extends JobMap>(jobs: readonly NewJob<Jobs>[]): Promise<Enqueued[]> {
    if (this.#context.schemas !== undefined)
      await Promise.all(jobs.map((job) => validate(this.#context.schemas, job.name, job.data)))
    // All are checked before the first is sent: a bad one in the middle must not leave half of them behind.
    const all = jobs.map((job, position) => this.#prepare(job.name, job.data, job, position))
    await this.#takeTurn(jobs.length)
    const results = await this.#writeAll(all)
    const accepted = results.filter((result) => result !== undefined)
    return accepted.length < jobs.length ? this.#throwFull(results) : accepted
  }

  /** Does everything about one job that needs no Redis. */
  #prepare(name: string, data: unknown, given: JobOptions, position = 0): Prepared {
    checkName(name)
    const options = withDefaults(this.#context.defaults, given)
    const entry: Entry = {
      level: levelOf(options.priority ?? 'default'),
      name,
      data: encodeData(name, data, this.#context.maxPayloadBytes),
      full: needsMeta(options) ? describeJob(options) : undefined,
    }
    const routeBy = options.orderingKey ?? options.id
    const { length } = this.#targets
    const index = routeBy === undefined ? this.#nextTarget++ % length : partitionOf(routeBy, length)
    // oxlint-disable-next-line typescript/no-non-null-assertion -- both indexes are below the length
    return { entry, position, target: this.#targets[index]! }
  }

  /**
   * Writes chunks in their order, a few in flight, because the client drops what it could not send for a while. Starts
   * no further chunk after a failure. @throws {QueueError} that failure, with the results so far
   */
  async #writeAll(all: readonly Prepared[]): Promise<(Enqueued | undefined)[]> {
    const results: (Enqueued | undefined)[] = Array.from({ length: all.length })
    let failure: { readonly error: unknown } | undefined
    const inFlight = new Set<Promise<void>>()
    const write = async (target: Target, jobs: readonly Prepared[]): Promise<void> => {
      try {
        const replies = await target.write(jobs.map(({ entry }) => entry))
        for (const [at, job] of jobs.entries()) results[job.position] = toEnqueued(job, replies[at] ?? '!')
      } catch (error) {
        // One that says that nothing was sent does not hide one that does not know.
        if (failure === undefined || isNotSent(failure.error)) failure = { error }
      }
    }
    const mostInFlight = Math.max(WRITES_IN_FLIGHT, this.#targets.length)
    const start = async (target: Target, jobs: readonly Prepared[]): Promise<void> => {
      while (inFlight.size >= mostInFlight) await Promise.race(inFlight)
      if (failure !== undefined) return
      const writing = write(target, jobs).finally(() => inFlight.delete(writing))
      inFlight.add(writing)
    }
    for (let from = 0; from < all.length && failure === undefined; from += CHUNK)
      for (const [target, jobs] of groupByTarget(all.slice(from, from + CHUNK)))
        for (const chunk of chunksOf(jobs)) await start(target, chunk)
    // No write continues after the call has returned.
    await Promise.all(inFlight)
    if (failure !== undefined) throw this.#incompleteError(failure.error, results)
    return results
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new QueueError('CLOSED', `Queue "${this.#context.queue}" is closed`)
  }

  #track<Value>(call: Promise<Value>): Promise<Value> {
    this.#calls.add(call)
    const forget = (): void => void this.#calls.delete(call)
    call.then(forget, forget)
    return call
  }

  #throwFull(accepted?: QueueError['accepted']): never {
    const text = `Queue "${this.#context.queue}" holds its limit of ${this.#context.maxLength} jobs: try again when workers have caught up`
    throw new QueueError('QUEUE_FULL', text, { accepted })
  }

  #incompleteError(error: unknown, accepted: readonly (Enqueued | undefined)[]): QueueError {
    const stored = accepted.filter((result) => result !== undefined).length
    return new QueueError(
      error instanceof QueueError ? error.code : 'INCOMPLETE',
      `${stored} of ${accepted.length} jobs of queue "${this.#context.queue}" are known to be stored, see "accepted". ` +
        `Enqueue the others again, with ids: ${textOf(error)}`,
      { cause: error, accepted },
    )
  }
}

/** Opens the way to a partition. Its server is checked before the first job, so that none is stored where none can be run. */
function openWrite(part: QueuePartition, maxLength: number): Write {
  let isChecked = false
  let checking: Promise<unknown> | undefined
  return async (entries) => {
    if (!isChecked) {
      checking ??= checkVersion(part.connection).finally(() => (checking = undefined))
      await checking
      isChecked = true
    }
    return enqueue(part, maxLength, entries)
  }
}

/** Collects single jobs and writes those of one turn of the event loop together. */
function createWriter(writeEntries: Write): Batcher<Pending> {
  const write = async (batch: readonly Pending[]): Promise<void> => {
    const entries = batch.map(({ entry }) => entry)
    try {
      const replies = await writeEntries(entries)
      for (const [index, { resolve }] of batch.entries()) resolve(replies[index] ?? '!')
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
  // One behind the other on the same connection, without a wait.
  const writeAll = async (batch: readonly Pending[]): Promise<void> =>
    void (await Promise.all(chunksOf(batch).map(write)))
  return createBatcher<Pending>(writeAll, { maxItems: CHUNK, maxInFlight: WRITES_IN_FLIGHT })
}

/** Reads the reply to one job; undefined when the queue is full. */
function toEnqueued({ target, entry }: Prepared, reply: EnqueueReply): Enqueued | undefined {
  if (reply === '!') return undefined
  if (entry.full !== undefined) return { id: entry.full.id, duplicate: reply === '=' }
  return { id: plainJobId(reply, entry.level, target.partition), duplicate: false }
}

function groupByTarget(jobs: readonly Prepared[]): Map<Target, Prepared[]> {
  const groups = new Map<Target, Prepared[]>()
  for (const job of jobs) {
    const group = groups.get(job.target)
    if (group === undefined) groups.set(job.target, [job])
    else group.push(job)
  }
  return groups
}
