import {
  checkAtLeast,
  checkMembers,
  checkWhole,
  EngineError,
  QueueError,
  soundError,
} from '../model/errors.ts'
import { deliveriesOf, type Fence } from '../model/fence.ts'
import type { AnyJob, AnyJobs, JobMap } from '../model/job.ts'
import type { Members } from '../model/members.ts'
import {
  CLAIM_OPTIONS,
  type HandlerOptions,
  type ResolvedWorker,
  type WorkerOptions,
} from '../model/options.ts'
import { readSchemas, validate, type Schemas } from '../model/schema.ts'
import { textOf } from '../model/text-of.ts'
import type { RedisClient } from '../redis/clients/recognise.ts'
import { partitionKeys } from '../redis/partition.ts'
import type { Settlement } from '../redis/settle.ts'
import { ClaimSession } from './claim-session.ts'
import { createContext } from './connections.ts'
import { finish } from './finish.ts'
import { deadLetterOf, retryOf, settlementOf, toJob, type HeldLease } from './held-lease.ts'

/** The right to run one job, for `visibilityMs` after it was claimed or last renewed. */
export interface Lease<Jobs extends JobMap = AnyJobs> {
  /** The job; a check of `job.name` narrows `job.data`. */
  readonly job: AnyJob<Jobs>
  /** Proof of the right to run the job; see {@link Fence}. */
  readonly fence: Fence
  /** How often this entry was delivered, this delivery included. */
  readonly deliveryCount: number
  /** Milliseconds after which another consumer may claim the job, unless its lease is renewed or settled. */
  readonly visibilityMs: number
}

/**
 * Options of `createConsumer`. Those of {@link WorkerOptions} mean the same here; `backoff` applies when a schema throws
 * instead of judging the data.
 */
export interface ConsumerOptions<Jobs extends JobMap = AnyJobs> extends Omit<
  WorkerOptions<Jobs>,
  HandlerOptions
> {
  /** The partition to claim from; a queue of n partitions needs n consumers, 0 to n - 1. @default 0 */
  readonly partition?: number
}

/**
 * Claims jobs and ends their leases one by one: the layer below a worker, for custom loops.
 * The server checks the fence of a lease in the step that renews or ends it: when the job is no longer this consumer's,
 * nothing changes. Pass leases as `claim` returned them, not copies.
 */
export interface Consumer<Jobs extends JobMap = AnyJobs> {
  /** Name of the consumer in Redis: the given name, a random part, and the visibility timeout in milliseconds. */
  readonly name: string
  /**
   * Claims up to `count` jobs: first released ones and those with an expired lease, then waiting ones by priority.
   * Delayed and recurring jobs that are due become ready first. Jobs that must not run (already done, not readable,
   * crashed too often, data that does not fit its schema) are settled here and reported to `onEvent`.
   * Calls are served one after the other.
   * `count`: most jobs. @default 1
   * `blockMs`: longest wait for the first job, in milliseconds. @default 0
   * @returns no leases when no job came in time, the queue is paused, or the consumer was closed in the meantime
   * @throws {QueueError} `CLOSED`, `INVALID_OPTIONS`, `UNSUPPORTED_SERVER`; errors of Redis and of the network unchanged
   */
  claim(options?: { readonly count?: number; readonly blockMs?: number }): Promise<Lease<Jobs>[]>
  /** Ends a lease as done. @throws {QueueError} `LEASE_LOST`, `CLOSED` */
  ack(lease: Lease<Jobs>): Promise<void>
  /**
   * Ends a lease as failed: the job is ready again in `delayMs` milliseconds. The caller decides whether attempts are
   * left: compare `job.attempt` with `job.maxAttempts`.
   * @throws {QueueError} `LEASE_LOST`, `CLOSED`, `INVALID_OPTIONS`
   */
  retry(lease: Lease<Jobs>, options: { readonly delayMs: number; readonly reason: string }): Promise<void>
  /** Ends a lease for good: the job becomes a dead letter. @throws {QueueError} `LEASE_LOST`, `CLOSED` */
  deadLetter(lease: Lease<Jobs>, options: { readonly reason: string }): Promise<void>
  /**
   * Releases jobs unfinished: other consumers may claim them at once, and no attempt is lost.
   * @throws {QueueError} `LEASE_LOST` if any was lost, the others are released nevertheless; `CLOSED`
   */
  release(leases: readonly Lease<Jobs>[]): Promise<void>
  /**
   * Restarts the visibility timeout of each lease.
   * @returns the leases that are still held
   * @throws {QueueError} `CLOSED`
   */
  renew(leases: readonly Lease<Jobs>[]): Promise<Lease<Jobs>[]>
  /** Ends a claim under way, stores what is being settled, closes the connections; open leases expire. Idempotent. */
  close(): Promise<void>
}

const CONSUMER_OPTIONS: Members<ConsumerOptions<JobMap>> = { ...CLAIM_OPTIONS, partition: true }
const CLAIM: Members<NonNullable<Parameters<Consumer<JobMap>['claim']>[0]>> = { count: true, blockMs: true }
const RETRY: Members<Parameters<Consumer<JobMap>['retry']>[1]> = { delayMs: true, reason: true }
const DEAD_LETTER: Members<Parameters<Consumer<JobMap>['deadLetter']>[1]> = { reason: true }

/**
 * Creates a consumer. It opens two connections at its first claim; nothing runs in the background, so a lease that is
 * needed for longer than its visibility timeout must be renewed.
 * @throws {QueueError} `INVALID_OPTIONS`
 * @example
 * const consumer = createConsumer<{ 'email.send': { to: string } }>(redis, 'emails')
 * for (const lease of await consumer.claim({ count: 10, blockMs: 5_000 })) {
 *   await send(lease.job.data.to)
 *   await consumer.ack(lease)
 * }
 */
export function createConsumer<Jobs extends JobMap = AnyJobs>(
  redis: RedisClient,
  queue: string,
  options: ConsumerOptions<Jobs> = {},
): Consumer<Jobs> {
  return new PartitionConsumer(redis, queue, options)
}

/** Its public methods are bound: callers may take it apart. */
class PartitionConsumer<Jobs extends JobMap> implements Consumer<Jobs> {
  readonly name: string
  readonly #queue: string
  readonly #settings: ResolvedWorker
  readonly #open: () => Promise<ClaimSession>
  readonly #schemas: Schemas | undefined
  readonly #heldBy = new WeakMap<Lease<Jobs>, HeldLease>()
  #session: ClaimSession | undefined
  /** The last claim; calls are served one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor(redis: RedisClient, queue: string, options: ConsumerOptions<Jobs>) {
    checkMembers('createConsumer', options, CONSUMER_OPTIONS)
    const { partition = 0, ...inherited } = options
    const context = createContext('consumer', redis, queue, inherited)
    const { consumer, prefix, partitions } = context.settings
    const keys = partitionKeys(prefix, queue, partitions)[partition]
    if (keys === undefined)
      throw new QueueError(
        'INVALID_OPTIONS',
        `partition must be a whole number from 0 to ${partitions - 1}, got ${partition}`,
      )
    this.name = consumer
    this.#settings = context.settings
    this.#queue = queue
    this.#open = () => ClaimSession.open(context, keys)
    this.#schemas = readSchemas(options.schemas)
  }

  readonly claim: Consumer<Jobs>['claim'] = async (options = {}) => {
    this.#assertOpen()
    checkMembers('claim', options, CLAIM)
    const { count = 1, blockMs = 0 } = options
    checkWhole('count', count, 1, Number.MAX_SAFE_INTEGER)
    checkAtLeast('blockMs', blockMs, 0)
    const claimed = this.#turn.then(() => this.#claimNow(count, blockMs))
    this.#turn = claimed.catch(() => undefined)
    return claimed
  }

  async #claimNow(count: number, blockMs: number): Promise<Lease<Jobs>[]> {
    const until = performance.now() + blockMs
    const leases: Lease<Jobs>[] = []
    do {
      if (this.#closing !== undefined) break
      this.#session ??= await this.#open()
      if (this.#closing !== undefined) break
      for (const held of await this.#session.claim(count, until)) {
        const lease = await this.#toLease(this.#session, held)
        if (lease !== undefined) leases.push(lease)
      }
    } while (leases.length === 0 && performance.now() < until)
    return leases
  }

  /** Returns the lease as its caller sees it; a job whose data is invalid is settled like one whose handler threw. */
  async #toLease({ leases }: ClaimSession, held: HeldLease): Promise<Lease<Jobs> | undefined> {
    try {
      const job = toJob(held, leases.settings.maxAttempts)
      const data = await validate(this.#schemas, job.name, job.data, EngineError)
      const lease: Lease<Jobs> = {
        job: { ...job, data } as Lease<Jobs>['job'],
        fence: { entryId: held.entryId, deliveryCount: held.deliveryCount },
        deliveryCount: deliveriesOf(held.deliveryCount),
        visibilityMs: held.visibilityMs,
      }
      this.#heldBy.set(lease, held)
      return lease
    } catch (thrown) {
      await finish(leases, held, { kind: 'threw', error: soundError(thrown, 'A schema') })
      return undefined
    }
  }

  readonly ack: Consumer<Jobs>['ack'] = (lease) => this.#settle(lease, (held) => settlementOf(held, 'ack'))

  readonly retry: Consumer<Jobs>['retry'] = async (lease, options) => {
    checkMembers('retry', options, RETRY)
    const { delayMs, reason } = options
    if (checkAtLeast('delayMs', delayMs, 0) > Number.MAX_SAFE_INTEGER)
      throw new QueueError('INVALID_OPTIONS', `delayMs must be finite, got ${delayMs}`)
    const error = new Error(textOf(reason))
    await this.#settle(lease, (held) => retryOf(held, 'handler_error', error, Math.round(delayMs), true))
  }

  readonly deadLetter: Consumer<Jobs>['deadLetter'] = async (lease, options) => {
    checkMembers('deadLetter', options, DEAD_LETTER)
    const { attempt, maxAttempts } = lease.job
    // Before its attempts are used up, the caller gives a job up on purpose.
    const cause = attempt >= maxAttempts ? 'handler_error' : 'unrecoverable'
    const error = new Error(textOf(options.reason))
    await this.#settle(lease, (held) => deadLetterOf(held, cause, error, this.#settings))
  }

  readonly release: Consumer<Jobs>['release'] = async (leases) => {
    const ends = await Promise.allSettled(
      leases.map((lease) => this.#settle(lease, (held) => settlementOf(held, 'release'))),
    )
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }

  async #settle(lease: Lease<Jobs>, settlementFor: (held: HeldLease) => Settlement): Promise<void> {
    this.#assertOpen()
    const session = this.#session
    const held = this.#holding(lease)
    if (session === undefined || held === undefined) throw this.#leaseLost(lease)
    return new Promise((resolve, reject) => {
      session.leases.settle(held, settlementFor(held), (_held, how) =>
        how === 'stored' ? resolve() : reject(this.#leaseLost(lease)),
      )
    })
  }

  readonly renew: Consumer<Jobs>['renew'] = async (leases) => {
    this.#assertOpen()
    const held = leases.map((lease) => this.#holding(lease)).filter((one) => one !== undefined)
    const kept: ReadonlySet<unknown> = new Set(await this.#session?.leases.renew(held))
    return leases.filter((lease) => kept.has(this.#heldBy.get(lease)))
  }

  readonly close: Consumer<Jobs>['close'] = async () => {
    this.#closing ??= (async () => {
      await this.#session?.interrupt(this.#turn)
      await this.#turn
      await this.#session?.close()
    })()
    await this.#closing
  }

  /** Returns the lease in hand; undefined when it is lost or being settled. */
  #holding(lease: Lease<Jobs>): HeldLease | undefined {
    const held = this.#heldBy.get(lease)
    return held === undefined || held.lost || held.settling ? undefined : held
  }

  #assertOpen(): void {
    if (this.#closing !== undefined)
      throw new QueueError('CLOSED', `The consumer of queue "${this.#queue}" is closed`)
  }

  #leaseLost({ job }: Lease<Jobs>): QueueError {
    return new QueueError(
      'LEASE_LOST',
      `The lease of job "${job.id}" of queue "${this.#queue}" is over: it was settled before, or another consumer may run the job`,
    )
  }
}
