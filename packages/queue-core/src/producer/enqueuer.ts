import { createBatcher, type Batcher } from '../async/batcher.ts'
import { createFairTurns } from '../async/fair-turns.ts'
import { QueueError } from '../model/errors.ts'
import { checkName, encodeData, type JobMap, type JobOptions, type NewJob } from '../model/job.ts'
import { levelOf } from '../model/levels.ts'
import type { ResolvedQueue } from '../model/options.ts'
import { validate, type Schemas } from '../model/schema.ts'
import { textOf } from '../model/text-of.ts'
import { beginSend } from '../model/tracing.ts'
import { enqueue, type EnqueueReply, type Entry } from '../redis/enqueue.ts'
import { plainJobId } from '../redis/layout.ts'
import { partitionOf, type QueuePartition } from '../redis/partition.ts'
import { checkJobs, checkOptions, describeJob, needsMeta } from './new-job.ts'

/** The result of an enqueue. */
export interface Enqueued {
  /** Id of the job: the one that was given, or the one that the library made. */
  readonly id: string
  /** True: a job of this id is alive or recently done, nothing was added. */
  readonly duplicate: boolean
}

/** A partition and what writes single jobs to it. */
interface Target {
  readonly part: QueuePartition
  readonly writer: Batcher<Pending>
}

/** A job that is checked and encoded, and where it goes. */
interface Prepared {
  readonly target: Target
  readonly entry: Entry
}

interface Pending {
  readonly entry: Entry
  readonly resolve: (reply: EnqueueReply) => void
  readonly reject: (error: unknown) => void
}

/** Jobs of one round trip. */
const CHUNK = 1_000
const WRITES_IN_FLIGHT = 4
/** Jobs of `enqueueMany` that leave in one turn of the event loop, unless a single call has more. */
const JOBS_PER_TURN = 100

/** Adds jobs to a queue: single ones in batches, many in chunks. */
export class Enqueuer {
  readonly #queue: string
  readonly #settings: ResolvedQueue
  readonly #schemas: Schemas | undefined
  readonly #targets: readonly Target[]
  readonly #takeTurn = createFairTurns(JOBS_PER_TURN)
  /** Calls that are not with a writer yet. */
  readonly #calls = new Set<Promise<unknown>>()
  #isClosed = false
  #nextTarget = 0

  constructor(
    queue: string,
    parts: readonly QueuePartition[],
    settings: ResolvedQueue,
    schemas: Schemas | undefined,
  ) {
    this.#queue = queue
    this.#settings = settings
    this.#schemas = schemas
    this.#targets = parts.map((part) => ({ part, writer: createWriter(part, settings.maxLength) }))
  }

  async enqueue(name: string, data: unknown, options: JobOptions = {}): Promise<Enqueued> {
    this.#assertOpen()
    checkOptions('enqueue', options)
    const send = beginSend(this.#queue, [options])
    if (send !== undefined)
      return this.#track(send.run(() => this.#enqueueOne(name, data, send.mark(options))))
    const call = this.#enqueueOne(name, data, options)
    // Without a schema the job is with its writer at once, and close() waits for that.
    return this.#schemas === undefined ? call : this.#track(call)
  }

  async enqueueMany<Jobs extends JobMap>(jobs: readonly NewJob<Jobs>[]): Promise<Enqueued[]> {
    this.#assertOpen()
    checkJobs(jobs)
    const send = beginSend(this.#queue, jobs)
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
    const checked = validate(this.#schemas, name, data)
    if (checked instanceof Promise) await checked
    const prepared = this.#prepare(name, data, options)
    const { target, entry } = prepared
    const reply = await new Promise<EnqueueReply>((resolve, reject) => {
      target.writer.push({ entry, resolve, reject })
    })
    return toEnqueued(prepared, reply) ?? this.#throwFull()
  }

  async #enqueueAll<Jobs extends JobMap>(jobs: readonly NewJob<Jobs>[]): Promise<Enqueued[]> {
    if (this.#schemas !== undefined)
      await Promise.all(jobs.map((job) => validate(this.#schemas, job.name, job.data)))
    // All are checked before the first is sent: a bad one in the middle must not leave half of them behind.
    const all = jobs.map((job) => this.#prepare(job.name, job.data, job))
    await this.#takeTurn(jobs.length)
    const results: (Enqueued | undefined)[] = Array.from({ length: all.length })
    await this.#writeAll(all, results)
    const accepted = results.filter((result) => result !== undefined)
    return accepted.length < jobs.length ? this.#throwFull(results) : accepted
  }

  /** Does everything about one job that needs no Redis. */
  #prepare(name: string, data: unknown, options: JobOptions): Prepared {
    checkName(name)
    const entry: Entry = {
      level: levelOf(options.priority ?? 'default'),
      name,
      data: encodeData(name, data, this.#settings.maxPayloadBytes),
      full: needsMeta(options) ? describeJob(options) : undefined,
    }
    const routeBy = options.orderingKey ?? options.id
    const { length } = this.#targets
    const index = routeBy === undefined ? this.#nextTarget++ % length : partitionOf(routeBy, length)
    // oxlint-disable-next-line typescript/no-non-null-assertion -- both indexes are below the length
    return { entry, target: this.#targets[index]! }
  }

  /**
   * Writes chunks in their order, a few in flight, because the client drops what it could not send for a while. Fills
   * in the results. Starts no further chunk after a failure. @throws {QueueError} that failure, with the results
   */
  async #writeAll(all: readonly Prepared[], results: (Enqueued | undefined)[]): Promise<void> {
    let failure: { readonly error: unknown } | undefined
    const inFlight = new Set<Promise<void>>()
    const write = async (part: QueuePartition, indexes: readonly number[]): Promise<void> => {
      const entries = indexes.flatMap((index) => all[index]?.entry ?? [])
      try {
        const replies = await enqueue(part, this.#settings.maxLength, entries)
        for (const [at, index] of indexes.entries()) {
          const prepared = all[index]
          if (prepared !== undefined) results[index] = toEnqueued(prepared, replies[at] ?? '!')
        }
      } catch (error) {
        failure ??= { error }
      }
    }
    for (let from = 0; from < all.length && failure === undefined; from += CHUNK) {
      for (const [{ part }, indexes] of groupByTarget(all, from)) {
        const writing = write(part, indexes).finally(() => inFlight.delete(writing))
        inFlight.add(writing)
      }
      while (inFlight.size >= WRITES_IN_FLIGHT) await Promise.race(inFlight)
    }
    // No write continues after the call has returned.
    await Promise.all(inFlight)
    if (failure !== undefined) throw this.#incompleteError(failure.error, results)
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new QueueError('CLOSED', `Queue "${this.#queue}" is closed`)
  }

  #track<Value>(call: Promise<Value>): Promise<Value> {
    this.#calls.add(call)
    const forget = (): void => void this.#calls.delete(call)
    call.then(forget, forget)
    return call
  }

  #throwFull(accepted?: QueueError['accepted']): never {
    const text = `Queue "${this.#queue}" holds its limit of ${this.#settings.maxLength} jobs: try again when workers have caught up`
    throw new QueueError('QUEUE_FULL', text, { accepted })
  }

  #incompleteError(error: unknown, accepted: readonly (Enqueued | undefined)[]): QueueError {
    const stored = accepted.filter((result) => result !== undefined).length
    return new QueueError(
      error instanceof QueueError ? error.code : 'INCOMPLETE',
      `${stored} of ${accepted.length} jobs of queue "${this.#queue}" are known to be stored, see "accepted". ` +
        `Enqueue the others again, with ids: ${textOf(error)}`,
      { cause: error, accepted },
    )
  }
}

/** Collects single jobs and writes those of one turn of the event loop together. */
function createWriter(part: QueuePartition, maxLength: number): Batcher<Pending> {
  const write = async (batch: Pending[]): Promise<void> => {
    const entries = batch.map(({ entry }) => entry)
    try {
      const replies = await enqueue(part, maxLength, entries)
      for (const [index, { resolve }] of batch.entries()) resolve(replies[index] ?? '!')
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
  return createBatcher<Pending>(write, { maxItems: CHUNK, maxInFlight: WRITES_IN_FLIGHT })
}

/** Reads the reply to one job; undefined when the queue is full. */
function toEnqueued({ target, entry }: Prepared, reply: EnqueueReply): Enqueued | undefined {
  if (reply === '!') return undefined
  if (entry.full !== undefined) return { id: entry.full.id, duplicate: reply === '=' }
  return { id: plainJobId(reply, entry.level, target.part.keys.partition), duplicate: false }
}

/** Indexes of the jobs of one chunk by where they go. */
function groupByTarget(all: readonly Prepared[], from: number): Map<Target, number[]> {
  const groups = new Map<Target, number[]>()
  for (const [offset, { target }] of all.slice(from, from + CHUNK).entries()) {
    const group = groups.get(target)
    if (group === undefined) groups.set(target, [from + offset])
    else group.push(from + offset)
  }
  return groups
}
