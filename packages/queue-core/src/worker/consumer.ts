import type { Verdict } from '../redis/settle.ts'
import { openClaimer, type Claimer } from './claimer.ts'
import { checkClient, type RedisClient } from '../redis/connection.ts'
import {
  checkAtLeast,
  checkMembers,
  checkWhole,
  EngineError,
  QueueError,
  soundError,
} from '../model/errors.ts'
import { guardListener } from '../model/events.ts'
import { createFate } from './finish.ts'
import type { Held } from './held-lease.ts'
import type { Job, JobMap, JobName } from '../model/job.ts'
import { toJob } from './lease-table.ts'
import { deliveriesOf, type Fence } from '../model/fence.ts'
import { priorityOf } from '../model/levels.ts'
import type { Keys } from '../redis/keys.ts'
import type { Members } from '../model/members.ts'
import { nameConsumer, resolveWorker, type ResolvedWorker, type WorkerOptions } from '../model/options.ts'
import { partitionKeys } from '../redis/partition.ts'
import { readSchemas, validate } from '../model/schema.ts'
import { isInstance, textOf } from '../model/text-of.ts'
import { deadVerdict, retryVerdict, verdict } from './settlement.ts'

/** The right to run one job until `visibilityMs` have passed since it was claimed or last renewed. */
export interface Lease<Jobs extends JobMap> {
  /** The job; a check of `job.name` narrows `job.data`. */
  readonly job: { [Name in JobName<Jobs>]: Job<Name, Jobs[Name]> }[JobName<Jobs>]
  /** Proof of the right to run the job; see {@link Fence}. */
  readonly fence: Fence
  /** How often this entry was delivered, this time included. */
  readonly deliveryCount: number
  /** Milliseconds after which the job goes to another consumer unless its lease is renewed or settled. */
  readonly visibilityMs: number
}

type Inherited =
  | 'allowEviction'
  | 'backoff'
  | 'consumer'
  | 'dedupeMs'
  | 'group'
  | 'maxAttempts'
  | 'maxCrashes'
  | 'onEvent'
  | 'partitions'
  | 'prefix'
  | 'priorities'
  | 'schemas'
  | 'visibilityMs'

/**
 * Options of `createConsumer`. Those of {@link WorkerOptions} mean the same here; `backoff` is for data that its
 * schema refused to judge.
 */
export interface ConsumerOptions<Jobs extends JobMap> extends Pick<WorkerOptions<Jobs>, Inherited> {
  /** The partition to claim from; a queue of n partitions needs n consumers, 0 to n - 1. @default 0 */
  readonly partition?: number
}

/**
 * Claims jobs and ends their leases one by one: the floor below a worker, for loops of your own.
 * Each verb that ends or renews a lease is checked against its fence on the server, in the step that carries it out:
 * when the job is no longer this consumer's, nothing changes. Give leases back as `claim` made them, not copies.
 */
export interface Consumer<Jobs extends JobMap> {
  /** Name of the consumer in Redis: the one given, a random part, and its visibility timeout in milliseconds. */
  readonly name: string
  /**
   * Claims up to `count` jobs: first those that others released or let lapse, then waiting ones by priority. Delayed
   * and recurring jobs that are due become ready on the way. Jobs that nobody should run (done already, not readable,
   * crashed too often, data that does not fit its schema) are settled here and told through `onEvent`.
   * Calls are served one after the other.
   * `count`: most jobs. @default 1
   * `blockMs`: longest wait for the first job, in milliseconds. @default 0
   * @returns none when none came in time, while the queue is paused, or when the consumer is closed meanwhile
   * @throws {QueueError} `CLOSED`, `INVALID_OPTIONS`, `UNSUPPORTED_SERVER`; errors of Redis and of the network as they are
   */
  claim(options?: { readonly count?: number; readonly blockMs?: number }): Promise<Lease<Jobs>[]>
  /** The job is done. @throws {QueueError} `LEASE_LOST`, `CLOSED` */
  ack(lease: Lease<Jobs>): Promise<void>
  /**
   * The attempt failed: the job is ready again in `delayMs` milliseconds. Whether attempts are left is the caller's
   * to see: compare `job.attempt` with `job.maxAttempts`.
   * @throws {QueueError} `LEASE_LOST`, `CLOSED`, `INVALID_OPTIONS`
   */
  retry(lease: Lease<Jobs>, options: { readonly delayMs: number; readonly reason: string }): Promise<void>
  /** The job is given up and becomes a dead letter. @throws {QueueError} `LEASE_LOST`, `CLOSED` */
  deadLetter(lease: Lease<Jobs>, options: { readonly reason: string }): Promise<void>
  /**
   * Gives jobs back unfinished: others may claim them at once, no attempt is lost.
   * @throws {QueueError} `LEASE_LOST` if any was lost, the others are given back all the same; `CLOSED`
   */
  release(leases: readonly Lease<Jobs>[]): Promise<void>
  /**
   * Starts the visibility timeout of each lease anew.
   * @returns those that are still held
   * @throws {QueueError} `CLOSED`
   */
  renew(leases: readonly Lease<Jobs>[]): Promise<Lease<Jobs>[]>
  /** Ends a claim under way, stores what is being settled, closes the connections; other leases lapse. Idempotent. */
  close(): Promise<void>
}

const CONSUMER_OPTIONS: Members<ConsumerOptions<JobMap>> = {
  allowEviction: true,
  backoff: true,
  consumer: true,
  dedupeMs: true,
  group: true,
  maxAttempts: true,
  maxCrashes: true,
  onEvent: true,
  partition: true,
  partitions: true,
  prefix: true,
  priorities: true,
  schemas: true,
  visibilityMs: true,
}
const CLAIM: Members<NonNullable<Parameters<Consumer<JobMap>['claim']>[0]>> = { count: true, blockMs: true }
const RETRY: Members<Parameters<Consumer<JobMap>['retry']>[1]> = { delayMs: true, reason: true }
const DEAD_LETTER: Members<Parameters<Consumer<JobMap>['deadLetter']>[1]> = { reason: true }

/**
 * Makes a consumer. It opens two connections of its own at its first claim; nothing runs in the background, so a
 * lease that is needed for longer than its visibility timeout must be renewed.
 * @throws {QueueError} `INVALID_OPTIONS`
 * @example
 * const consumer = createConsumer<{ 'email.send': { to: string } }>(redis, 'emails')
 * for (const lease of await consumer.claim({ count: 10, blockMs: 5_000 })) {
 *   await send(lease.job.data.to)
 *   await consumer.ack(lease)
 * }
 */
export function createConsumer<Jobs extends JobMap>(
  redis: RedisClient,
  queue: string,
  options: ConsumerOptions<Jobs> = {},
): Consumer<Jobs> {
  checkMembers('createConsumer', options, CONSUMER_OPTIONS)
  const { partition = 0, ...inherited } = options
  const settings = resolveWorker(queue, inherited)
  checkClient(redis)
  const keys = keysOfPartition(queue, settings, partition)
  const name = nameConsumer(options.consumer, settings.visibilityMs)
  const emit = guardListener(options.onEvent, `consumer "${name}" of queue "${queue}"`)
  const schemas = readSchemas(options.schemas)
  const counts = { started: 0, completed: 0, retried: 0, deadLettered: 0, released: 0, leasesLost: 0 }
  const sealFate = createFate(settings, name, counts, emit, options.onEvent !== undefined)
  const heldOf = new WeakMap<Lease<Jobs>, Held>()
  let claimer: Claimer | undefined
  let turn: Promise<unknown> = Promise.resolve()
  let closing: Promise<void> | undefined

  async function claimNow(count: number, blockMs: number): Promise<Lease<Jobs>[]> {
    const until = performance.now() + blockMs
    const leases: Lease<Jobs>[] = []
    do {
      if (closing !== undefined) break
      claimer ??= await openClaimer({ redis, settings, keys, partition, consumer: name, emit })
      if (closing !== undefined) break
      for (const held of await claimer.claim(count, Math.max(0, until - performance.now()))) {
        const lease = await toLease(claimer, held)
        if (lease !== undefined) leases.push(lease)
      }
    } while (leases.length === 0 && performance.now() < until)
    return leases
  }

  /** The lease as its caller sees it; a job whose data nobody can take is settled like one whose handler threw so. */
  async function toLease({ lane }: Claimer, held: Held): Promise<Lease<Jobs> | undefined> {
    try {
      const job = toJob(held, settings.maxAttempts, priorityOf(held.level))
      const data = await validate(schemas, job.name, job.data, EngineError)
      const lease: Lease<Jobs> = {
        job: { ...job, data } as Lease<Jobs>['job'],
        fence: { entryId: held.entryId, deliveryCount: held.deliveryCount },
        deliveryCount: deliveriesOf(held.deliveryCount),
        visibilityMs: held.visibilityMs,
      }
      heldOf.set(lease, held)
      return lease
    } catch (thrown) {
      await sealFate(lane, held, { kind: 'threw', error: toError(held, thrown) })
      return undefined
    }
  }

  function assertOpen(): void {
    if (closing !== undefined) throw new QueueError('CLOSED', `The consumer of queue "${queue}" is closed`)
  }

  async function settle(lease: Lease<Jobs>, decide: (held: Held) => Verdict): Promise<void> {
    assertOpen()
    const held = heldOf.get(lease)
    if (claimer === undefined || held === undefined || held.lost || held.settling) throw leaseLost(lease)
    const { lane } = claimer
    return new Promise((resolve, reject) => {
      lane.settle(held, decide(held), (_held, how) =>
        how === 'stored' ? resolve() : reject(leaseLost(lease)),
      )
    })
  }

  function leaseLost({ job }: Lease<Jobs>): QueueError {
    return new QueueError(
      'LEASE_LOST',
      `The lease of job "${job.id}" of queue "${queue}" is over: it was settled before, or another consumer may run the job`,
    )
  }

  return {
    name,
    async claim(options = {}) {
      assertOpen()
      checkMembers('claim', options, CLAIM)
      const { count = 1, blockMs = 0 } = options
      checkWhole('count', count, 1, Number.MAX_SAFE_INTEGER)
      checkAtLeast('blockMs', blockMs, 0)
      const claimed = turn.then(() => claimNow(count, blockMs))
      turn = claimed.catch(() => undefined)
      return claimed
    },
    ack: (lease) => settle(lease, (held) => verdict(held, 'ack')),
    async retry(lease, options) {
      checkMembers('retry', options, RETRY)
      const { delayMs, reason } = options
      if (checkAtLeast('delayMs', delayMs, 0) > Number.MAX_SAFE_INTEGER)
        throw new QueueError('INVALID_OPTIONS', `delayMs must be finite, got ${delayMs}`)
      const error = new Error(textOf(reason))
      await settle(lease, (held) => retryVerdict(held, 'handler_error', error, Math.round(delayMs), true))
    },
    async deadLetter(lease, options) {
      checkMembers('deadLetter', options, DEAD_LETTER)
      const error = new Error(textOf(options.reason))
      await settle(lease, (held) => deadVerdict(held, causeOf(lease.job), error, name))
    },
    async release(leases) {
      const ended = await Promise.allSettled(
        leases.map((lease) => settle(lease, (held) => verdict(held, 'release'))),
      )
      for (const outcome of ended) if (outcome.status === 'rejected') throw outcome.reason
    },
    async renew(leases) {
      assertOpen()
      const held = leases.flatMap((lease) => {
        const one = heldOf.get(lease)
        return one === undefined || one.lost || one.settling ? [] : [one]
      })
      const kept: ReadonlySet<unknown> = new Set(await claimer?.renew(held))
      return leases.filter((lease) => kept.has(heldOf.get(lease)))
    },
    close() {
      closing ??= (async () => {
        claimer?.interrupt()
        await turn
        await claimer?.close()
      })()
      return closing
    },
  }
}

function keysOfPartition(queue: string, { prefix, partitions }: ResolvedWorker, partition: number): Keys {
  const keys = partitionKeys(prefix, queue, partitions)[partition]
  if (keys !== undefined) return keys
  throw new QueueError(
    'INVALID_OPTIONS',
    `partition must be a whole number from 0 to ${partitions - 1}, got ${partition}`,
  )
}

/** Attempts that are used up are the handler's failure; a job given up before was given up on purpose. */
function causeOf({ attempt, maxAttempts }: Job): 'handler_error' | 'unrecoverable' {
  return attempt >= maxAttempts ? 'handler_error' : 'unrecoverable'
}

function toError(held: Held, thrown: unknown): Error {
  if (isInstance(thrown, SyntaxError))
    return new EngineError('INVALID_PAYLOAD', `Data of job "${held.id}" is not JSON`, { cause: thrown })
  return soundError(thrown, 'A schema')
}
