import { randomUUID } from 'node:crypto'
import type { Entry } from './broker.ts'
import { QueueError } from './errors.ts'
import { checkKey, type JobOptions, type Meta } from './job.ts'

/** Whether the job needs more than a name and data in its entry. Priority is said by its stream. */
export function needsMeta(options: JobOptions): boolean {
  const { id, delayMs, runAt, orderingKey, maxAttempts, visibilityMs, timeoutMs, backoff, traceparent } =
    options
  const all = [id, delayMs, runAt, orderingKey, maxAttempts, visibilityMs, timeoutMs, backoff, traceparent]
  return all.some((option) => option !== undefined)
}

/** What a job with options carries beside its name and data. @throws {QueueError} `INVALID_OPTIONS`, `INVALID_PAYLOAD` */
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
  const id = options.id ?? randomUUID()
  const dedupe = options.id !== undefined
  const due = delayMs > 0 ? `+${delayMs}` : runAt === undefined ? '' : String(runAt)
  // The id of an entry that is added at once tells the time; a later one's does not.
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

function check(options: JobOptions): void {
  const { id, delayMs, runAt, orderingKey, maxAttempts, visibilityMs, timeoutMs, traceparent } = options
  if (delayMs !== undefined && runAt !== undefined)
    throw new QueueError('INVALID_OPTIONS', 'Give delayMs or runAt, not both')
  for (const [option, value] of Object.entries({ delayMs, runAt, maxAttempts, visibilityMs, timeoutMs }))
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
      throw new QueueError('INVALID_OPTIONS', `${option} must be a whole number of at least 0, got ${value}`)
  for (const [option, value] of Object.entries({ id, orderingKey, traceparent }))
    if (value !== undefined) checkKey(option, value)
}
