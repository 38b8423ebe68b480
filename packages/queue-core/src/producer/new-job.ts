import { randomUUID } from 'node:crypto'
import { checkMembers, checkWhole, invalidOptions } from '../model/errors.ts'
import { checkKey, type JobOptions, type Meta, type NewJob } from '../model/job.ts'
import { levelOf } from '../model/levels.ts'
import type { MemberNames, Members } from '../model/members.ts'
import type { JobDefaults } from '../model/options.ts'
import { quote } from '../model/text-of.ts'
import type { Entry } from '../redis/enqueue.ts'

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
const DEFAULTS: Members<JobDefaults> = {
  priority: true,
  maxAttempts: true,
  timeoutMs: true,
  visibilityMs: true,
  backoff: true,
}
const WHEN: Members<Pick<JobOptions, 'delayMs' | 'runAt'>> = { delayMs: true, runAt: true }

/** Whether the job needs more than a name and data in its entry. Priority is said by its stream. */
export function needsMeta(options: JobOptions): boolean {
  const { id, delayMs, runAt, orderingKey, traceparent } = options
  const { maxAttempts, visibilityMs, timeoutMs, backoff } = options
  const all = [id, delayMs, runAt, orderingKey, traceparent, maxAttempts, visibilityMs, timeoutMs, backoff]
  return all.some((option) => option !== undefined)
}

/**
 * Checks the names of a job's options.
 * `members`: those that the call knows. @default the options of `enqueue`
 * @throws {QueueError} `INVALID_OPTIONS`
 */
export function checkOptions(call: string, options: JobOptions, members: MemberNames = JOB_OPTIONS): void {
  checkMembers(call, options, members)
  if (options.backoff !== undefined) checkMembers('backoff', options.backoff, BACKOFF)
}

/** Checks the options that a queue gives to all of its jobs. @throws {QueueError} `INVALID_OPTIONS` */
export function checkDefaults(defaults: JobDefaults): void {
  checkOptions('defaults', defaults, DEFAULTS)
  check(defaults)
  levelOf(defaults.priority ?? 'default')
}

/** Fills in what a job does not say itself. */
export function withDefaults<Options extends JobOptions>(
  defaults: JobDefaults | undefined,
  options: Options,
): Options {
  if (defaults === undefined) return options
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return { ...defaults, ...Object.fromEntries(given) } as Options
}

/** Before anything looks at them: callers without types hand in what they like. @throws {QueueError} `INVALID_OPTIONS` */
export function checkJobs(jobs: unknown): void {
  if (!Array.isArray(jobs)) throw invalidOptions('enqueueMany takes an array of jobs')
  for (const [index, job] of jobs.entries()) {
    const which = `Job ${index} of enqueueMany`
    if (typeof job !== 'object' || job === null)
      throw invalidOptions(`${which} is not an object with a name and data`)
    checkOptions(which, job, NEW_JOB)
  }
}

/** The due time as the scripts take it: '+n' in n ms, 'n' at epoch ms. @throws {QueueError} `INVALID_OPTIONS` */
export function describeDue(when: Pick<JobOptions, 'delayMs' | 'runAt'>): string {
  checkMembers('reschedule', when, WHEN)
  checkNumbers(when)
  const { delayMs, runAt } = when
  if (delayMs !== undefined) return `+${delayMs}`
  if (runAt !== undefined) return String(runAt)
  throw invalidOptions('reschedule needs delayMs or runAt')
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
  const { id = makeJobId(), delayMs = 0, runAt, orderingKey } = options
  const dedupe = options.id !== undefined
  const due = delayMs > 0 ? `+${delayMs}` : runAt === undefined ? '' : String(runAt)
  // The id of an entry that is added at once holds the time of the enqueue; a later one's does not.
  const enqueuedAt = due === '' && orderingKey === undefined ? undefined : Date.now()
  // JSON leaves out what is undefined.
  const meta: { [Key in keyof Meta]: Meta[Key] | undefined } = {
    id,
    dedupe: dedupe ? 1 : undefined,
    orderingKey,
    maxAttempts: options.maxAttempts,
    visibilityMs: options.visibilityMs,
    timeoutMs: options.timeoutMs,
    backoff: options.backoff,
    traceparent: options.traceparent,
    enqueuedAt,
  }
  return { id, dedupe, due, orderingKey: orderingKey ?? '', meta: JSON.stringify(meta) }
}

/** The smallest value of each number a producer may give. A shorter visibility timeout would lapse between renewals. */
const SMALLEST = { delayMs: 0, runAt: 0, maxAttempts: 1, visibilityMs: 100, timeoutMs: 0 } as const

function checkNumbers(options: Pick<JobOptions, keyof typeof SMALLEST>): void {
  if (options.delayMs !== undefined && options.runAt !== undefined)
    throw invalidOptions('Give delayMs or runAt, not both')
  for (const option of Object.keys(SMALLEST) as (keyof typeof SMALLEST)[]) {
    const { [option]: value = SMALLEST[option] } = options
    checkWhole(option, value, SMALLEST[option])
  }
}

function check(options: JobOptions): void {
  const { id, orderingKey, traceparent, backoff } = options
  checkNumbers(options)
  if (backoff !== undefined) {
    const { type, delayMs, maxMs = 0 } = backoff
    if (type !== 'fixed' && type !== 'exponential')
      throw invalidOptions(`backoff.type must be fixed or exponential, got ${quote(type)}`)
    checkWhole('backoff.delayMs', delayMs, 0)
    checkWhole('backoff.maxMs', maxMs, 0)
  }
  for (const [option, value] of Object.entries({ id, orderingKey, traceparent }))
    if (value !== undefined) checkKey(option, value)
}
