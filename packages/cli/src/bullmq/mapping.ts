import type { JobOptions, NewJob, Priority } from '@titan/queue-core'
import type { AnyJobs } from '../commands/queue.ts'
import type { ReasonToStay } from './reasons.ts'

/** A job as BullMQ stores it. */
export interface BullJob {
  readonly id: string
  readonly name: string
  /** JSON; undefined where it was too large to be read. */
  readonly data: string | undefined
  /** JSON. */
  readonly opts: string
  readonly priority: number
  /** Epoch milliseconds, as text. */
  readonly createdAt: string
  readonly failures: number
  /** It has a parent or children. */
  readonly isInFlow: boolean
  /** Key of the repeating job that made it. */
  readonly scheduleKey: string | undefined
  readonly fingerprint: string
}

/** How jobs of one BullMQ queue become jobs here. */
export interface Mapping {
  /** Name of the BullMQ queue. */
  readonly source: string
  /** Largest data, bytes of JSON. */
  readonly maxPayloadBytes: number
  /** Largest numeric priority that becomes `high`, and smallest that becomes `low`. */
  readonly highTo: number
  readonly lowFrom: number
}

/** What has no exact counterpart in a job that is moved nevertheless. */
export type Change = 'custom_backoff' | 'jitter' | 'deduplication' | 'lifo'

/** A job for the target, or why it stays. */
export type Mapped =
  | { readonly job: NewJob<AnyJobs>; readonly changes: readonly Change[] }
  | { readonly stays: ReasonToStay }

/** The options of a job as BullMQ stores them, which anything may have written. */
interface BullOptions {
  readonly attempts?: unknown
  readonly backoff?: unknown
  readonly priority?: unknown
  readonly lifo?: unknown
  readonly de?: unknown
  readonly prevMillis?: unknown
  readonly repeat?: unknown
}

/** Whether queue-core takes a text as id or key. */
export function isUsableId(text: string, longest = 255): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what it must find
  return text !== '' && text.length <= longest && text.isWellFormed() && !/[\u0000-\u001f\u007f]/.test(text)
}

/** Whether queue-core takes a text as name of a job. */
export function isUsableName(text: string): boolean {
  return /^[\w.:/-]{1,128}$/.test(text)
}

/** Makes the job for the target. `dueAt`: epoch milliseconds, 0: at once. `isRetry`: all attempts again. */
export function mapJob(
  source: BullJob,
  mapping: Mapping,
  { dueAt = 0, isRetry = false }: { readonly dueAt?: number; readonly isRetry?: boolean } = {},
): Mapped {
  const id = idOf(source, mapping)
  const stays = findObstacle(source, id, mapping)
  if (stays !== undefined) return { stays }
  const data = parseJson(source.data ?? '')
  const opts = readOptions(source.opts)
  const { options, changes } = mapOptions(opts, source.priority, isRetry ? 0 : source.failures, mapping)
  const runAt = dueAt > 0 ? { runAt: dueAt } : {}
  return { job: { name: source.name, data, id, ...runAt, ...options }, changes }
}

/** The first reason why a job stays where it is. */
function findObstacle(source: BullJob, id: string, { maxPayloadBytes }: Mapping): ReasonToStay | undefined {
  if (source.isInFlow) return 'flow'
  if (source.data === undefined) return 'payload_too_large'
  if (!isUsableName(source.name)) return 'invalid_name'
  if (!isUsableId(id)) return 'invalid_id'
  const data = parseJson(source.data)
  if (data === undefined) return 'invalid_data'
  // The target's own form of the data counts.
  return Buffer.byteLength(JSON.stringify(data)) > maxPayloadBytes ? 'payload_too_large' : undefined
}

/**
 * The id in the target. A caller's own stays as it is, so that it deduplicates against jobs that the new code adds. BullMQ's
 * counter may start again, and other queues count too, so name and creation time make its ids unique. The job of a slot has
 * the id that the schedule here gives it, so no slot runs twice.
 */
function idOf({ id, createdAt, scheduleKey }: BullJob, { source }: Mapping): string {
  const slot = /:(\d{1,16})$/.exec(id)?.[1]
  if (scheduleKey !== undefined && slot !== undefined) return slotJobId(scheduleKey, Number(slot))
  return /^\d+$/.test(id) ? `bullmq:${source}:${id}:${createdAt}` : id
}

/** Id of the job of a slot, as schedules make it; slots are whole seconds. */
export function slotJobId(scheduleKey: string, slot: number): string {
  return `${scheduleKey}@${Math.floor(slot / 1_000) * 1_000}`
}

/** Maps the options that jobs and schedules share. */
export function mapOptions(
  opts: BullOptions,
  storedPriority: number,
  failures: number,
  mapping: Pick<Mapping, 'highTo' | 'lowFrom'>,
): {
  readonly options: Pick<JobOptions, 'maxAttempts' | 'backoff' | 'priority'>
  readonly changes: Change[]
} {
  const changes: Change[] = []
  const attempts = wholeOf(opts.attempts, 1)
  // BullMQ tries once unless told otherwise; the target's workers have another default.
  const maxAttempts = Math.max(1, attempts - failures)
  const backoff = maxAttempts === 1 ? undefined : mapBackoff(opts.backoff, maxAttempts, changes)
  if (opts.lifo === true) changes.push('lifo')
  if (opts.de !== undefined && opts.de !== null) changes.push('deduplication')
  const priority = mapPriority(storedPriority || wholeOf(opts.priority, 0), mapping)
  return { options: { maxAttempts, priority, ...(backoff === undefined ? {} : { backoff }) }, changes }
}

/** The level of a numeric priority; 0 is a job without one. */
export function mapPriority(
  priority: number,
  { highTo, lowFrom }: Pick<Mapping, 'highTo' | 'lowFrom'>,
): Priority {
  if (priority === 0) return 'default'
  if (priority <= highTo) return 'high'
  return priority >= lowFrom ? 'low' : 'default'
}

/** Longest delay between attempts, a year, in milliseconds. */
const LONGEST_DELAY_MS = 31_536_000_000

function mapBackoff(
  backoff: unknown,
  attempts: number,
  changes: Change[],
): NonNullable<JobOptions['backoff']> | undefined {
  if (backoff === undefined || backoff === null) return { type: 'fixed', delayMs: 0 }
  if (typeof backoff === 'number') return { type: 'fixed', delayMs: wholeOf(backoff, 0) }
  const { type, delay, jitter } = backoff as {
    readonly type?: unknown
    readonly delay?: unknown
    readonly jitter?: unknown
  }
  const delayMs = Math.min(wholeOf(delay, 0), LONGEST_DELAY_MS)
  if (type === 'fixed') {
    if (typeof jitter === 'number' && jitter > 0) changes.push('jitter')
    return { type, delayMs }
  }
  if (type === 'exponential') {
    // BullMQ has no upper bound: this is the longest delay that its last retry could have.
    const maxMs = Math.min(delayMs * 2 ** Math.min(attempts, 40), LONGEST_DELAY_MS)
    if (jitter !== 0.5) changes.push('jitter')
    return { type, delayMs, maxMs }
  }
  changes.push('custom_backoff')
  return undefined
}

/** Reads stored options; none where they are damaged. */
export function readOptions(text: string): BullOptions {
  const parsed = parseJson(text)
  return typeof parsed === 'object' && parsed !== null ? parsed : {}
}

/** Reads JSON; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function wholeOf(value: unknown, fallback: number): number {
  const number = Math.round(Number(value ?? fallback))
  return Number.isSafeInteger(number) && number >= 0 ? number : fallback
}
