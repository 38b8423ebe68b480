import { randomUUID } from 'node:crypto'
import type { Entry } from '../redis/enqueue.ts'
import { checkMembers, QueueError } from '../model/errors.ts'
import { checkKey, type JobOptions, type Meta, type NewJob } from '../model/job.ts'
import type { Members } from '../model/members.ts'

/** Whether the job needs more than a name and data in its entry. Priority is said by its stream. */
export function needsMeta(options: JobOptions): boolean {
  const { id, delayMs, runAt, orderingKey, maxAttempts, visibilityMs, timeoutMs, backoff, traceparent } =
    options
  const all = [id, delayMs, runAt, orderingKey, maxAttempts, visibilityMs, timeoutMs, backoff, traceparent]
  return all.some((option) => option !== undefined)
}

const JOB_OPTIONS: Members<JobOptions> = {
  id: true,
  delayMs: true,
  runAt: true,
  priority: true,
  orderingKey: true,
  maxAttempts: true,
  visibilityMs: true,
  timeoutMs: true,
  backoff: true,
  traceparent: true,
}
const NEW_JOB: Members<JobOptions & Pick<NewJob<{ any: unknown }>, 'name' | 'data'>> = {
  ...JOB_OPTIONS,
  name: true,
  data: true,
}
const BACKOFF: Members<NonNullable<JobOptions['backoff']>> = { type: true, delayMs: true, maxMs: true }
const WHEN: Members<Pick<JobOptions, 'delayMs' | 'runAt'>> = { delayMs: true, runAt: true }

/**
 * Checks the names of a job's options.
 * `members`: those that the call knows. @default the options of `enqueue`
 * @throws {QueueError} `INVALID_OPTIONS`
 */
export function checkOptions(
  call: string,
  options: JobOptions,
  members: Readonly<Record<string, true>> = JOB_OPTIONS,
): void {
  checkMembers(call, options, members)
  if (options.backoff !== undefined) checkMembers('backoff', options.backoff, BACKOFF)
}

/** Before anything looks at them: callers without types hand in what they like. @throws {QueueError} `INVALID_OPTIONS` */
export function checkJobs(jobs: unknown): void {
  if (!Array.isArray(jobs)) throw new QueueError('INVALID_OPTIONS', 'enqueueMany takes an array of jobs')
  for (const [index, job] of jobs.entries()) {
    if (typeof job !== 'object' || job === null)
      throw new QueueError(
        'INVALID_OPTIONS',
        `Job ${index} of enqueueMany is not an object with a name and data`,
      )
    checkOptions(`Job ${index} of enqueueMany`, job, NEW_JOB)
  }
}

/** The due time as the scripts take it: '+n' in n ms, 'n' at epoch ms. @throws {QueueError} `INVALID_OPTIONS` */
export function describeDue(when: Pick<JobOptions, 'delayMs' | 'runAt'>): string {
  checkMembers('reschedule', when, WHEN)
  checkNumbers(when)
  const { delayMs, runAt } = when
  if (delayMs !== undefined) return `+${delayMs}`
  if (runAt !== undefined) return String(runAt)
  throw new QueueError('INVALID_OPTIONS', 'reschedule needs delayMs or runAt')
}

let latestMs = 0
let serial = 0

/**
 * An id for a job (UUID version 7, RFC 9562), greater than all that this process made before: jobs due in the same
 * millisecond become ready in the order of their ids.
 */
export function makeJobId(): string {
  const now = Date.now()
  if (now > latestMs) {
    latestMs = now
    serial = 0
  } else if (++serial > 0xfff) {
    latestMs++
    serial = 0
  }
  const time = latestMs.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${serial.toString(16).padStart(3, '0')}${randomUUID().slice(18)}`
}

/** Makes what a job with options carries in addition to its name and data. @throws {QueueError} `INVALID_OPTIONS`, `INVALID_PAYLOAD` */
export function describeJob(options: JobOptions): NonNullable<Entry['full']> {
  check(options)
  const {
    delayMs = 0,
    runAt,
    orderingKey,
    maxAttempts,
    visibilityMs,
    timeoutMs,
    backoff,
    traceparent,
  } = options
  const id = options.id ?? makeJobId()
  const dedupe = options.id !== undefined
  const due = delayMs > 0 ? `+${delayMs}` : runAt === undefined ? '' : String(runAt)
  // The id of an entry that is added at once holds the time of the enqueue; a later one's does not.
  const enqueuedAt = due === '' && orderingKey === undefined ? undefined : Date.now()
  // JSON leaves out what is undefined.
  const meta: { [Key in keyof Meta]: Meta[Key] | undefined } = {
    id,
    dedupe: dedupe ? 1 : undefined,
    orderingKey,
    maxAttempts,
    visibilityMs,
    timeoutMs,
    backoff,
    traceparent,
    enqueuedAt,
  }
  return { id, dedupe, due, orderingKey: orderingKey ?? '', meta: JSON.stringify(meta) }
}

/** The smallest value of each number a producer may give. A shorter visibility timeout would lapse between renewals. */
const SMALLEST = { delayMs: 0, runAt: 0, maxAttempts: 1, visibilityMs: 100, timeoutMs: 0 } as const

/** @throws {QueueError} `INVALID_OPTIONS` */
export function checkNumbers(options: { readonly [Option in keyof typeof SMALLEST]?: number }): void {
  if (options.delayMs !== undefined && options.runAt !== undefined)
    throw new QueueError('INVALID_OPTIONS', 'Give delayMs or runAt, not both')
  for (const option of Object.keys(SMALLEST) as (keyof typeof SMALLEST)[])
    checkNumber(option, options[option], SMALLEST[option])
}

function checkNumber(option: string, value: number | undefined, smallest: number): void {
  if (value !== undefined && !(Number.isSafeInteger(value) && value >= smallest))
    throw new QueueError(
      'INVALID_OPTIONS',
      `${option} must be a whole number of at least ${smallest}, got ${value}`,
    )
}

function check(options: JobOptions): void {
  const { id, orderingKey, traceparent, backoff } = options
  checkNumbers(options)
  if (backoff !== undefined) {
    if (backoff?.type !== 'fixed' && backoff?.type !== 'exponential')
      throw new QueueError(
        'INVALID_OPTIONS',
        `backoff.type must be fixed or exponential, got ${JSON.stringify(backoff?.type)}`,
      )
    checkNumber('backoff.delayMs', backoff.delayMs ?? NaN, 0)
    checkNumber('backoff.maxMs', backoff.maxMs, 0)
  }
  for (const [option, value] of Object.entries({ id, orderingKey, traceparent }))
    if (value !== undefined) checkKey(option, value)
}
