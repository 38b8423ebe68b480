import { QueueError } from './errors.ts'
import type { Jsonify } from './jsonify.ts'
import type { Level, Priority } from './levels.ts'
import { quote, textOf } from './text-of.ts'

/** Maps each job name to the type of its data, e.g. `{ 'email.send': { to: string } }`. */
export type JobMap = object

/**
 * The job map of a queue that was given none: any name with any data. `any` because such a program, often JavaScript,
 * has said nothing about its data, and could read none that is `unknown`.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- the comment says why
export type AnyJobs = Record<string, any>

/** The job names of a map. */
export type JobName<Jobs extends JobMap> = keyof Jobs & string

/** Plain, immutable description of one job as a handler sees it. */
export interface Job<Name extends string = string, Data = unknown> {
  /** Unique within the queue. Given by the producer, or made by the library. */
  readonly id: string
  /** Its name in the job map; says which handler runs it. */
  readonly name: Name
  /** What the producer gave, read from JSON. */
  readonly data: Data
  /** Number of this attempt, from 1: failed attempts so far plus one. Interrupted and crashed deliveries do not count. */
  readonly attempt: number
  /** Failed attempts after which the job is a dead letter. */
  readonly maxAttempts: number
  /** Its priority. */
  readonly priority: Priority
  /** When the job was enqueued, epoch milliseconds: by the server's clock, or by the producer's if it has a delay or an ordering key. */
  readonly enqueuedAt: number
  /** Jobs of the same key run one at a time, in the order they became ready. */
  readonly orderingKey?: string
  /** The W3C `traceparent` that the producer gave. */
  readonly traceparent?: string
}

/** A type from which nothing is inferred: handlers are typed by the map, not the map by them. TypeScript 5.4 has `NoInfer`. */
export type Given<Type> = [Type][Type extends unknown ? 0 : never]

/** Any job of a map, as a handler sees it; a check of its `name` narrows its `data`. */
export type AnyJob<Jobs extends JobMap = AnyJobs> = {
  [Name in JobName<Jobs>]: Job<Name, Jsonify<Jobs[Name]>>
}[JobName<Jobs>]

/** What a producer may say about one job. */
export interface JobOptions {
  /**
   * Id of the job, 1–255 characters without control characters. While a job of this id is alive, and for
   * `dedupeMs` after it is done, a second enqueue returns `duplicate: true` and adds nothing.
   * @default made by the library, never a duplicate
   */
  readonly id?: string
  /** Milliseconds until the job is ready, by the server's clock. @default 0 */
  readonly delayMs?: number
  /** When the job is ready, epoch milliseconds by the server's clock; not together with `delayMs`. @default at once */
  readonly runAt?: number
  /** Which of the three streams it waits in. @default 'default' */
  readonly priority?: Priority
  /**
   * Jobs of the same key run one at a time, in the order they became ready; 1–255 characters without control
   * characters.
   * @default none
   */
  readonly orderingKey?: string
  /** Failed attempts after which the job is a dead letter. @default the worker's `maxAttempts` */
  readonly maxAttempts?: number
  /** Visibility timeout of this job in milliseconds, at least 100. @default the worker's `visibilityMs` */
  readonly visibilityMs?: number
  /** Longest run of the handler in milliseconds, 0 = no limit. @default the worker's `timeoutMs` */
  readonly timeoutMs?: number
  /** Delay between this job's attempts. @default the worker's `backoff` */
  readonly backoff?: {
    /** Always the same, or doubling with each failure and with jitter. */
    readonly type: 'fixed' | 'exponential'
    /** Delay after the first failure in milliseconds. */
    readonly delayMs: number
    /** Upper bound of an exponential delay in milliseconds. @default 60000 */
    readonly maxMs?: number
  }
  /** `traceparent` to hand to the handler (https://www.w3.org/TR/trace-context/). @default none */
  readonly traceparent?: string | undefined
}

/** One job for `enqueueMany`: its name, its data and its options. */
export type NewJob<Jobs extends JobMap = AnyJobs> = {
  [Name in JobName<Jobs>]: { readonly name: Name; readonly data: Jobs[Name] } & JobOptions
}[JobName<Jobs>]

/** One failed or crashed delivery, kept with the job. */
export interface Failure {
  /** Epoch milliseconds by this host's clock. */
  readonly at: number
  /** What kind of end it was. */
  readonly cause: FailureCause
  /** Text of the error, at most 500 characters. */
  readonly error: string
}

/** Why a delivery can fail. */
export const FAILURE_CAUSES = [
  /** The handler threw. */
  'handler_error',
  /** The handler ran longer than `timeoutMs`. */
  'timeout',
  /** The handler threw an `UnrecoverableError`. */
  'unrecoverable',
  /** Its workers were killed, stalled or cut off, `maxCrashes` times in a row. */
  'worker_crash',
  /** No handler of that name. */
  'unknown_job',
  /** The data is no JSON, or does not fit its schema. */
  'invalid_payload',
  /** What was stored is not in the format of a job. */
  'undecodable',
] as const

/** Why a delivery did not end in success. */
export type FailureCause = (typeof FAILURE_CAUSES)[number]

type StoredOption = Exclude<keyof JobOptions, 'delayMs' | 'runAt' | 'priority'>

/** What a job has besides its name and data: the `m` field of a stream entry, absent when all is default. */
export interface Meta extends Pick<JobOptions, StoredOption> {
  /** The id was given by the producer, so it is in the index of live ids. */
  readonly dedupe?: 1
  /** A recurring job made it. */
  readonly scheduled?: 1
  readonly failures?: number
  readonly crashes?: number
  readonly enqueuedAt?: number
  readonly history?: readonly Failure[]
  /** How often the job was redriven. */
  readonly redrives?: number
  /** Id of the dead letter it came back from last. */
  readonly origin?: string
}

/** What led to a dead letter: the `e` field of its entry. */
export interface Evidence {
  /** Id of the job. */
  readonly id: string
  /** Why it was given up. */
  readonly cause: FailureCause
  /** Text of the last error. */
  readonly error: string
  /** Failed attempts. */
  readonly failures: number
  /** Deliveries whose worker crashed or stalled. */
  readonly crashes: number
  /** Priority of the job; a redriven one keeps it. */
  readonly priority: Priority
  /** Epoch milliseconds; undefined when unknown. */
  readonly enqueuedAt: number | undefined
  /** The last failures, oldest first. */
  readonly history: readonly Failure[]
  /** Worker that gave it up. */
  readonly worker: string
}

/** A job as its entry holds it: field `n` name, field `d` data as JSON, field `m` {@link Meta} as JSON. */
export interface StoredJob {
  readonly name: string
  readonly data: string
  readonly meta: Meta
  readonly level: Level
}

/** Failures kept with a job; older ones are dropped. */
const HISTORY_LIMIT = 10
const ERROR_TEXT_LIMIT = 500
const NAME = /^[\w.:/-]{1,128}$/
// oxlint-disable-next-line no-control-regex -- control characters are what it must find
const CONTROL = /[\u0000-\u001f\u007f]/

/** Returns the name of a job, if it may be one. @throws {QueueError} `INVALID_PAYLOAD` */
export function checkName(name: string): string {
  if (isName(name)) return name
  const text = `Job name ${quote(name)} is not valid: use 1–128 letters, digits or . : / - _`
  throw new QueueError('INVALID_PAYLOAD', text)
}

/** Whether it may be the name of a job. */
export function isName(name: unknown): name is string {
  return typeof name === 'string' && NAME.test(name)
}

/** The id or key, if it may be one: control characters part the fields of an envelope. @throws {QueueError} `INVALID_PAYLOAD` */
export function checkKey(what: string, value: string, longest = 255): string {
  if (isKey(value, longest)) return value
  throw new QueueError(
    'INVALID_PAYLOAD',
    `${what} must have 1–${longest} characters, no control characters and no half of a surrogate pair`,
  )
}

/** Whether it may be an id or key. Halves of surrogate pairs would all become the same character in Redis. */
export function isKey(value: unknown, longest = 255): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > longest) return false
  return !hasControlCharacter(value) && value.isWellFormed()
}

/** Whether a text has a control character: those separate the parts of an envelope. */
export function hasControlCharacter(text: string): boolean {
  return CONTROL.test(text)
}

/** Encodes job data as JSON. @throws {QueueError} `INVALID_PAYLOAD` when it is no JSON or larger than `maxBytes` */
export function encodeData(name: string, data: unknown, maxBytes: number): string {
  let text: string | undefined
  try {
    text = JSON.stringify(data)
  } catch (error) {
    const reason = textOf(error).replaceAll(/\s+/g, ' ')
    const text = `Data of job "${name}" cannot be written as JSON: ${reason}`
    throw new QueueError('INVALID_PAYLOAD', text, { cause: error })
  }
  if (text === undefined)
    throw new QueueError('INVALID_PAYLOAD', `Data of job "${name}" is not a JSON value: ${typeof data}`)
  if (text.length > maxBytes || (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes))
    throw new QueueError(
      'INVALID_PAYLOAD',
      `Data of job "${name}" is larger than ${maxBytes} bytes: store it elsewhere and enqueue a reference, or raise maxPayloadBytes`,
    )
  return text
}

/** The meta of a plain job. */
export const NO_META: Meta = {}

/** `meta` with one more failure in its history. */
export function withFailure(meta: Meta, failure: Failure): Meta {
  const error = failure.error.slice(0, ERROR_TEXT_LIMIT)
  return { ...meta, history: [...(meta.history ?? []), { ...failure, error }].slice(-HISTORY_LIMIT) }
}
