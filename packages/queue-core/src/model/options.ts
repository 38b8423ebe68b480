import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { exponential, type BackoffStrategy } from './backoff.ts'
import { checkMembers, checkQueueName, checkWhole, invalidOptions } from './errors.ts'
import type { OnEvent } from './events.ts'
import { isKey, type AnyJobs, type JobMap, type JobName, type JobOptions } from './job.ts'
import type { Jsonify } from './jsonify.ts'
import { DEFAULT_WEIGHTS, PRIORITIES, type Priority } from './levels.ts'
import type { Members } from './members.ts'
import { quote } from './text-of.ts'

/** A Standard Schema (https://standardschema.dev) per job name, e.g. of valibot, zod or arktype. */
export type JobSchemas<Jobs extends JobMap = AnyJobs> = {
  readonly [Name in JobName<Jobs>]?: StandardSchemaV1<Jobs[Name], Jsonify<Jobs[Name]>>
}

/** What producers and workers of one queue must agree on. */
export interface SharedOptions<Jobs extends JobMap = AnyJobs> {
  /** First part of every key. @default 'titan' */
  readonly prefix?: string
  /**
   * Over how many slots of a Redis Cluster the queue is spread. Order and deduplication hold within an
   * `id` and within an `orderingKey`. Never change it while jobs are waiting. @default 1
   */
  readonly partitions?: number
  /** Checks data when a job is enqueued and again before its handler runs. @default none */
  readonly schemas?: JobSchemas<Jobs>
}

/** Options of `createQueue`. */
export interface QueueOptions<Jobs extends JobMap = AnyJobs> extends SharedOptions<Jobs> {
  /**
   * Most live jobs (ready, leased, delayed, parked) of one partition; beyond it `enqueue` rejects with
   * `QUEUE_FULL`. Waiting work is never dropped to make room. @default 0, no limit
   */
  readonly maxLength?: number
  /** Largest data of one job, bytes of JSON. @default 65536 */
  readonly maxPayloadBytes?: number
  /** Options of every job that this producer adds; those of a job go first. @default none */
  readonly defaults?: JobDefaults | undefined
}

/** What a producer may say about all of its jobs. */
export type JobDefaults = Pick<
  JobOptions,
  'priority' | 'maxAttempts' | 'timeoutMs' | 'visibilityMs' | 'backoff'
>

/**
 * A token bucket on the server's clock. In a span of time there start at most `max` jobs, and `max` for each `perMs` of
 * it, and one for each token that a worker took before and could not use: the smaller of `concurrency` and `max` a worker.
 */
export interface RateLimit {
  /** Tokens that flow in within `perMs`, one a job, and the size of a full bucket. */
  readonly max: number
  /** Length of the period in milliseconds. */
  readonly perMs: number
}

/** Options of `createWorker`. */
export interface WorkerOptions<Jobs extends JobMap = AnyJobs> extends SharedOptions<Jobs> {
  /** Consumer group. A queue has one: a second one would run every job twice and is refused. @default 'workers' */
  readonly group?: string
  /** Name of this worker for people. The name in Redis gets a random end, so two of a name never mix. @default host name and process id */
  readonly consumer?: string | undefined
  /** Jobs that run at the same time. @default 10 */
  readonly concurrency?: number
  /** Most jobs claimed ahead of a free slot; how many really are depends on how fast they are done. A larger number costs throughput, since jobs grow old in the heap. @default 500 */
  readonly maxPrefetch?: number
  /**
   * Milliseconds after which a job of an unresponsive worker goes to another one. A working worker renews its
   * leases three times in that time, so handlers may run for hours. @default 30000
   */
  readonly visibilityMs?: number
  /** Longest run of a handler in milliseconds, 0 = no limit; then its signal aborts and the attempt has failed. @default 0 */
  readonly timeoutMs?: number
  /** Failed attempts after which a job is a dead letter. @default 5 */
  readonly maxAttempts?: number
  /**
   * Deliveries that may end without a word (worker killed or stalled) before the job is a dead letter. A job takes its
   * last chance apart from other such jobs, so that a poison job takes none of them with it. With 1 there is no such chance.
   * @default 3
   */
  readonly maxCrashes?: number
  /** Delay between attempts, see {@link BackoffStrategy}. @default exponential() */
  readonly backoff?: BackoffStrategy
  /**
   * Bounds of the dead letters of each partition; the oldest beyond them are deleted, and `deadLettersDropped` reports
   * how many. @default none: a dead letter is kept until it is redriven or deleted
   */
  readonly deadLetters?:
    | {
        /** Most dead letters. @default no limit */
        readonly maxCount?: number | undefined
        /** Longest age in milliseconds. @default no limit */
        readonly maxAgeMs?: number | undefined
      }
    | undefined
  /** How long the id of a done job is remembered, in milliseconds; 0 = not at all. @default 86400000, a day */
  readonly dedupeMs?: number
  /** Shares per priority while all have a backlog, or 'strict': low only when nothing else waits. @default { high: 6, default: 3, low: 1 } */
  readonly priorities?: 'strict' | Readonly<Record<Priority, number>>
  /** Most jobs that start per period over all workers of the queue. @default none */
  readonly rateLimit?: RateLimit
  /** Work although the server may evict keys (`maxmemory-policy` other than `noeviction`). @default false */
  readonly allowEviction?: boolean
  /**
   * Gets everything that happens, see {@link OnEvent}.
   * @default none: retries, dead letters, unknown jobs, errors and warnings warn on the console, once of each kind
   */
  readonly onEvent?: OnEvent | undefined
}

/** The whole numbers among the options: least and greatest value, and default. Times in milliseconds, up to a day or a year. */
const NUMBERS = {
  partitions: [1, 256, 1],
  maxLength: [0, 9_007_199_254_740_991, 0],
  maxPayloadBytes: [2, 536_870_912, 65_536],
  concurrency: [1, 100_000, 10],
  maxPrefetch: [0, 100_000, 500],
  visibilityMs: [100, 86_400_000, 30_000],
  timeoutMs: [0, 86_400_000, 0],
  maxAttempts: [1, 1_000_000, 5],
  maxCrashes: [1, 900, 3],
  dedupeMs: [0, 31_536_000_000, 86_400_000],
} as const

/** Other settings. Times in milliseconds. */
export const defaults = {
  prefix: 'titan',
  group: 'workers',
  /** Longest a read waits on the server; a reply must come within twice that. */
  blockMs: 2_000,
  /** A command without a reply for this long is given up, and its connection replaced. */
  replyWithinMs: 15_000,
} as const

const SHARED_OPTIONS: Members<SharedOptions<JobMap>> = { prefix: true, partitions: true, schemas: true }
type LookingOptions = Pick<SharedOptions<JobMap>, 'prefix' | 'partitions'>
/** Options of `createInspector` and the like. */
export const LOOKING_OPTIONS: Members<LookingOptions> = { prefix: true, partitions: true }
/** Options of `createQueue`. */
export const QUEUE_OPTIONS: Members<QueueOptions<JobMap>> = {
  ...SHARED_OPTIONS,
  maxLength: true,
  maxPayloadBytes: true,
  defaults: true,
}
const RATE_LIMIT: Members<RateLimit> = { max: true, perMs: true }
/** Bounds of dead letters. */
export type DeadLetterBounds = NonNullable<WorkerOptions<JobMap>['deadLetters']>
const DEAD_LETTERS: Members<DeadLetterBounds> = { maxCount: true, maxAgeMs: true }
const WEIGHTS: Members<Record<Priority, number>> = { high: true, default: true, low: true }
/** Options of `createWorker` that only concern its handlers. */
export type HandlerOptions = 'concurrency' | 'maxPrefetch' | 'rateLimit' | 'timeoutMs'
/** Options that `createWorker` and `createConsumer` share. */
export const CLAIM_OPTIONS: Members<Omit<WorkerOptions<JobMap>, HandlerOptions>> = {
  ...SHARED_OPTIONS,
  group: true,
  consumer: true,
  visibilityMs: true,
  maxAttempts: true,
  maxCrashes: true,
  backoff: true,
  deadLetters: true,
  dedupeMs: true,
  priorities: true,
  allowEviction: true,
  onEvent: true,
}
/** Options of `createWorker`. */
export const WORKER_OPTIONS: Members<WorkerOptions<JobMap>> = {
  ...CLAIM_OPTIONS,
  concurrency: true,
  maxPrefetch: true,
  timeoutMs: true,
  rateLimit: true,
}

/** Checks some whole numbers and fills in their defaults. */
function wholeNumbers<Name extends keyof typeof NUMBERS>(
  options: { readonly [Option in Name]?: number },
  ...names: readonly Name[]
): Record<Name, number> {
  const numbers = names.map((name) => {
    const [min, max, fallback] = NUMBERS[name]
    const { [name]: value = fallback } = options
    return [name, checkWhole(name, value, min, max)]
  })
  return Object.fromEntries(numbers) as Record<Name, number>
}

/** Refuses an option that is given and is not of its kind. */
function checkKind(name: string, value: unknown, isSound: boolean, kind: string): void {
  if (value !== undefined && !isSound) throw invalidOptions(`${name} must be ${kind}, got ${quote(value)}`)
}

function checkFunction(name: string, value: unknown): void {
  checkKind(name, value, typeof value === 'function', 'a function')
}

/** Options of one side with every default filled in. */
export interface ResolvedShared {
  readonly prefix: string
  readonly partitions: number
}

/** Checks options and fills in defaults. @throws {QueueError} `INVALID_OPTIONS` */
export function resolveShared(queue: string, options: LookingOptions): ResolvedShared {
  checkQueueName('Queue name', queue)
  const prefix = checkQueueName('prefix', options.prefix ?? defaults.prefix)
  return { prefix, ...wholeNumbers(options, 'partitions') }
}

/** Options of `createQueue` with every default filled in. */
export interface ResolvedQueue extends ResolvedShared {
  readonly maxLength: number
  readonly maxPayloadBytes: number
}

/** Checks options and fills in defaults, but for the `defaults` of jobs. @throws {QueueError} `INVALID_OPTIONS` */
export function resolveQueue(
  queue: string,
  options: Omit<QueueOptions<JobMap>, 'schemas' | 'defaults'>,
): ResolvedQueue {
  return { ...resolveShared(queue, options), ...wholeNumbers(options, 'maxLength', 'maxPayloadBytes') }
}

type WorkerNumber = Exclude<keyof typeof NUMBERS, keyof ResolvedQueue>

/** Options of `createWorker` with every default filled in; `weights` undefined: strict priorities. */
export interface ResolvedWorker extends ResolvedShared, Readonly<Record<WorkerNumber, number>> {
  readonly group: string
  /** Name of a new consumer in Redis. */
  readonly consumer: string
  readonly backoff: BackoffStrategy
  readonly deadLetters: DeadLetterBounds | undefined
  readonly weights: readonly number[] | undefined
  readonly rateLimit: RateLimit | undefined
  readonly allowEviction: boolean
}

/** Checks options and fills in defaults. @throws {QueueError} `INVALID_OPTIONS` */
export function resolveWorker(
  queue: string,
  options: Omit<WorkerOptions<JobMap>, 'schemas'>,
): ResolvedWorker {
  const { backoff, onEvent, consumer, allowEviction, rateLimit } = options
  checkFunction('backoff', backoff)
  checkFunction('onEvent', onEvent)
  const nameKind = 'well-formed text of 1–255 characters without control characters'
  checkKind('consumer', consumer, isKey(consumer), nameKind)
  checkKind('allowEviction', allowEviction, typeof allowEviction === 'boolean', 'true or false')
  if (rateLimit !== undefined) {
    checkMembers('rateLimit', rateLimit, RATE_LIMIT)
    checkWhole('rateLimit.max', rateLimit.max, 1, 1_000_000)
    checkWhole('rateLimit.perMs', rateLimit.perMs, 1, 86_400_000)
  }
  const numbers = {
    ...wholeNumbers(options, 'concurrency', 'maxPrefetch', 'visibilityMs', 'timeoutMs'),
    ...wholeNumbers(options, 'maxAttempts', 'maxCrashes', 'dedupeMs'),
  }
  return {
    ...resolveShared(queue, options),
    group: checkQueueName('group', options.group ?? defaults.group),
    consumer: nameConsumer(consumer, numbers.visibilityMs),
    ...numbers,
    backoff: backoff ?? exponential(),
    deadLetters: checkBounds(options.deadLetters),
    weights: weightsOf(options.priorities),
    rateLimit,
    allowEviction: allowEviction ?? false,
  }
}

function checkBounds(bounds: DeadLetterBounds | undefined): DeadLetterBounds | undefined {
  if (bounds === undefined) return undefined
  checkMembers('deadLetters', bounds, DEAD_LETTERS)
  const { maxCount, maxAgeMs } = bounds
  if (maxCount !== undefined) checkWhole('deadLetters.maxCount', maxCount, 0)
  if (maxAgeMs !== undefined) checkWhole('deadLetters.maxAgeMs', maxAgeMs, 0)
  return bounds
}

function weightsOf(priorities: WorkerOptions<JobMap>['priorities']): readonly number[] | undefined {
  if (priorities === undefined) return DEFAULT_WEIGHTS
  if (priorities === 'strict') return undefined
  if (typeof priorities === 'object') checkMembers('priorities', priorities, WEIGHTS)
  return PRIORITIES.map((priority) => checkWhole(`priorities.${priority}`, priorities[priority], 1, 1_000))
}

/**
 * Names a new consumer. The name ends with its visibility timeout, so that a worker that looks for expired leases goes by
 * the timeout of their holder; see reclaim.lua.
 */
function nameConsumer(given: string | undefined, visibilityMs: number): string {
  const name = given ?? `${hostname()}-${process.pid}`
  return `${name}:${randomBytes(4).toString('hex')}:${visibilityMs}`
}
