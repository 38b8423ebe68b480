import { QueueError } from './errors.ts'
import { priorityOf, type Level, type Priority } from './levels.ts'

/** Maps each job name to the type of its data, e.g. `{ 'email.send': { to: string } }`. */
export type JobMap = object

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

/** What a producer may say about one job. */
export interface JobOptions {
  /**
   * Id of the job, 1–255 characters without control characters. While a job of this id is alive, and for
   * `dedupeMs` after it is done, a second enqueue answers `duplicate: true` and adds nothing.
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
  readonly traceparent?: string
}

/** One job for `enqueueMany`: its name, its data and its options. */
export type NewJob<Jobs extends JobMap> = {
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

/** Why a delivery did not end in success. */
export type FailureCause =
  /** The handler threw. */
  | 'handler_error'
  /** The handler ran longer than `timeoutMs`. */
  | 'timeout'
  /** The handler threw an `UnrecoverableError`. */
  | 'unrecoverable'
  /** Its workers were killed, stalled or cut off, `maxCrashes` times in a row. */
  | 'worker_crash'
  /** No handler of that name. */
  | 'unknown_job'
  /** The data is no JSON, or does not fit its schema. */
  | 'invalid_payload'
  /** What was stored is not in the format of a job. */
  | 'undecodable'

/** Everything about a job but its name and data: the `m` field of a stream entry, absent when all is default. */
export interface Meta {
  readonly id?: string
  /** The id was given by the producer, so it is in the index of live ids. */
  readonly dedupe?: 1
  /** A recurring job made it. */
  readonly scheduled?: 1
  readonly failures?: number
  readonly crashes?: number
  readonly maxAttempts?: number
  readonly visibilityMs?: number
  readonly timeoutMs?: number
  readonly backoff?: NonNullable<JobOptions['backoff']>
  readonly orderingKey?: string
  readonly enqueuedAt?: number
  readonly traceparent?: string
  readonly history?: readonly Failure[]
  /** How often the job came back from the dead letters. */
  readonly redrives?: number
  /** Id of the dead letter it came back from last. */
  readonly origin?: string
}

/** The format of a stream entry: field `n` name, field `d` data as JSON, field `m` {@link Meta} as JSON. */
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

/** The name, if it may be one. @throws {QueueError} `INVALID_PAYLOAD` */
export function checkName(name: string): string {
  if (typeof name === 'string' && NAME.test(name)) return name
  throw new QueueError(
    'INVALID_PAYLOAD',
    `Job name ${JSON.stringify(name)} is not valid: use 1–128 letters, digits or . : / - _`,
  )
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
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= longest &&
    !CONTROL.test(value) &&
    value.isWellFormed()
  )
}

/** Encodes job data as JSON. @throws {QueueError} `INVALID_PAYLOAD` when it is no JSON or larger than `maxBytes` */
export function encodeData(name: string, data: unknown, maxBytes: number): string {
  let text: string | undefined
  try {
    text = JSON.stringify(data)
  } catch (error) {
    throw new QueueError('INVALID_PAYLOAD', `Data of job "${name}" cannot be written as JSON`, {
      cause: error,
    })
  }
  if (text === undefined) throw new QueueError('INVALID_PAYLOAD', `Data of job "${name}" is not a JSON value`)
  if (text.length > maxBytes || (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes))
    throw new QueueError(
      'INVALID_PAYLOAD',
      `Data of job "${name}" is larger than ${maxBytes} bytes: store it elsewhere and enqueue a reference, or raise maxPayloadBytes`,
    )
  return text
}

/** Reads the fields of a stream entry. Returns undefined when they are not the format of a job. */
export function decodeFields(fields: readonly string[], level: Level): StoredJob | undefined {
  // The library's own order first: it is the hot path.
  if (fields.length === 4 && fields[0] === 'n' && fields[2] === 'd')
    return { name: fields[1] ?? '', data: fields[3] ?? '', meta: NO_META, level }
  const found: Record<string, string | undefined> = {}
  for (let i = 0; i + 1 < fields.length; i += 2) found[fields[i] ?? ''] = fields[i + 1]
  const { n: name, d: data, m: text } = found
  const meta = text === undefined ? NO_META : readMeta(text)
  return name === undefined || data === undefined || meta === undefined
    ? undefined
    : { name, data, meta, level }
}

/** The meta of a plain job. */
export const NO_META: Meta = {}

function readMeta(text: string): Meta | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return isMeta(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

const NUMBERS = ['failures', 'crashes', 'maxAttempts', 'visibilityMs', 'timeoutMs', 'enqueuedAt', 'redrives']
const TEXTS = ['id', 'orderingKey', 'traceparent', 'origin']

/** Others may write to a stream too: what would trip the engine up later is found here. */
function isMeta(value: unknown): value is Meta {
  if (!isRecord(value)) return false
  for (const key of NUMBERS) if (value[key] !== undefined && typeof value[key] !== 'number') return false
  for (const key of TEXTS) {
    const text = value[key]
    if (text !== undefined && (typeof text !== 'string' || CONTROL.test(text))) return false
  }
  const { history, backoff } = value
  return (history === undefined || Array.isArray(history)) && (backoff === undefined || isRecord(backoff))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The largest number in the id of a stream's entry: 64 bits. */
const MAX_ENTRY_NUMBER = 2n ** 64n - 1n

/** Whether a text can be the id of a stream's entry. The server answers any other with an error. */
export function isEntryId(text: string): boolean {
  return (
    /^\d{1,20}-\d{1,20}$/.test(text) && text.split('-').every((number) => BigInt(number) <= MAX_ENTRY_NUMBER)
  )
}

/**
 * The id of a job that its producer gave none: its entry id, which is unique within one stream only, and a word for
 * the stream unless that is the default one.
 */
export function plainJobId(entryId: string, level: Level, partition: number | undefined): string {
  const id = level === 1 ? entryId : `${entryId}-${priorityOf(level)}`
  return partition === undefined ? id : `${id}.${partition}`
}

/** Where the plain job of an id is, if the id has the form that {@link plainJobId} makes. */
export function readPlainJobId(
  id: string,
): { readonly entryId: string; readonly level: Level; readonly partition: number | undefined } | undefined {
  const [, entryId, end, partition] = /^(\d+-\d+)(-high|-low)?(?:\.(\d+))?$/.exec(id) ?? []
  if (entryId === undefined || !isEntryId(entryId)) return undefined
  const level = end === undefined ? 1 : end === '-high' ? 0 : 2
  return { entryId, level, partition: partition === undefined ? undefined : Number(partition) }
}

/** `meta` with one more failure in its history. */
export function withFailure(meta: Meta, failure: Failure): Meta {
  const error =
    failure.error.length > ERROR_TEXT_LIMIT ? failure.error.slice(0, ERROR_TEXT_LIMIT) : failure.error
  return { ...meta, history: [...(meta.history ?? []), { ...failure, error }].slice(-HISTORY_LIMIT) }
}

/** Data as it was given; undefined when there is none or it cannot be read. */
export function readJson(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
