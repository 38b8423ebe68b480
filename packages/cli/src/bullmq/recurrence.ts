import { createHash } from 'node:crypto'
import type { Schedule } from '@titan/queue-core'
import { Cron } from 'croner'
import {
  isUsableId,
  isUsableName,
  mapOptions,
  parseJson,
  readOptions,
  type BullJob,
  type Change,
  type Mapping,
} from './mapping.ts'
import type { ReasonToStay } from './reasons.ts'

/** A repeating job as BullMQ stores it: a job scheduler, or a repeatable job of version 5 or 4. */
export interface BullSchedule {
  readonly key: string
  /** Its next slot, epoch milliseconds. */
  readonly nextAt: number
  /** It holds the template of its jobs; else the next job is the template. */
  readonly isScheduler: boolean
  readonly name: string | undefined
  readonly tz: string | undefined
  readonly pattern: string | undefined
  readonly every: string | undefined
  readonly limit: string | undefined
  readonly startDate: string | undefined
  readonly endDate: string | undefined
  /** The template of a job scheduler, as JSON. */
  readonly data: string | undefined
  readonly opts: string | undefined
}

/** A schedule for the target, or why it stays. */
export type MappedSchedule =
  | { readonly schedule: Schedule; readonly changes: readonly Change[] }
  | { readonly stays: ReasonToStay }

/** Ids that the next job of a repeating job may have: that of versions 5 and 6, and that of version 4. */
export function nextJobIds({ key, nextAt }: BullSchedule): string[] {
  const [name = '', id = ''] = key.split(':')
  const sum = md5(`${name}${id}${md5(key)}`)
  return [`repeat:${key}:${nextAt}`, `repeat:${sum}:${nextAt}`]
}

/** What a repeating job is, wherever its version keeps it; undefined and null: not given. */
interface Recurrence {
  readonly pattern?: unknown
  readonly every?: unknown
  readonly tz?: unknown
  readonly limit?: unknown
  readonly startDate?: unknown
  readonly endDate?: unknown
}

interface Template {
  readonly name: string
  /** JSON; undefined where it was too large to be read. */
  readonly data: string | undefined
  readonly opts: string
}

/** Makes the schedule for the target. `next`: its next job. `now`: the source's clock. */
export function mapSchedule(
  source: BullSchedule,
  next: BullJob | undefined,
  mapping: Mapping,
  { timeZone, now }: { readonly timeZone: string; readonly now: number },
): MappedSchedule {
  const template = templateOf(source, next)
  if (template === undefined) return { stays: 'no_template' }
  const data = parseJson(template.data ?? '')
  const recurrence = recurrenceOf(source, next)
  const stays =
    findObstacle(source.key, template, data, mapping.maxPayloadBytes) ?? findBound(recurrence, now)
  if (stays !== undefined) return { stays }
  const slots = findCron(source.nextAt, recurrence, timeZone)
  if (typeof slots === 'string') return { stays: slots }
  const { options, changes } = mapOptions(readOptions(template.opts), 0, 0, mapping)
  return { schedule: { key: source.key, ...slots, name: template.name, data, options }, changes }
}

/** A job scheduler holds the template of its jobs; a repeatable job of version 4 or 5 is that of its next job. */
function templateOf(source: BullSchedule, next: BullJob | undefined): Template | undefined {
  // An empty object is not stored with a job scheduler.
  const { name = '', data = '{}', opts = '{}' } = source
  return source.isScheduler ? { name, data, opts } : next
}

/** Version 4 keeps name, id, end date, time zone and pattern in the key, and version 5 less there and more in a hash. */
function recurrenceOf(source: BullSchedule, next: BullJob | undefined): Recurrence {
  const stored = (readOptions(next?.opts ?? '').repeat ?? {}) as Recurrence
  const { pattern, every, tz, limit, startDate, endDate } = source
  const own = { pattern, every, tz, limit, endDate, startDate: startDate && Number(startDate) }
  return { ...stored, ...Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)) }
}

function findObstacle(
  key: string,
  { name, data }: Template,
  parsed: unknown,
  maxPayloadBytes: number,
): ReasonToStay | undefined {
  if (!isUsableId(key, 200)) return 'invalid_id'
  if (!isUsableName(name)) return 'invalid_name'
  if (data === undefined) return 'payload_too_large'
  if (parsed === undefined) return 'invalid_data'
  return Buffer.byteLength(JSON.stringify(parsed)) > maxPayloadBytes ? 'payload_too_large' : undefined
}

/** Returns what bounds the slots, which schedules here do not know. */
function findBound({ limit, endDate, startDate }: Recurrence, now: number): ReasonToStay | undefined {
  if (isGiven(limit)) return 'limit'
  if (isGiven(endDate)) return 'end_date'
  return isGiven(startDate) && new Date(startDate as number | string).getTime() > now
    ? 'start_date'
    : undefined
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** The cron expression that has the slots of a repeating job. */
function findCron(
  nextAt: number,
  { every, pattern, tz }: Recurrence,
  fallbackZone: string,
): { readonly cron: string; readonly timeZone: string } | ReasonToStay {
  if (isGiven(every)) {
    const cron = cronOfInterval(Number(every), nextAt)
    return cron === undefined ? 'every_no_divisor' : { cron, timeZone: 'UTC' }
  }
  const cron = textOf(pattern).trim()
  const timeZone = textOf(tz) || fallbackZone
  return checkSlot(cron, timeZone, nextAt) ?? { cron, timeZone }
}

/** Returns why a pattern cannot be taken: schedules here would not have BullMQ's next slot, or refuse it. */
function checkSlot(cron: string, timeZone: string, nextAt: number): ReasonToStay | undefined {
  // Croner takes more forms; schedules do not.
  if (!/^(\S+\s+){4,5}\S+$/.test(cron)) return 'invalid_cron'
  try {
    const slot = new Cron(cron, { timezone: timeZone }).nextRun(new Date(nextAt - 1_000))
    return slot?.getTime() === nextAt ? undefined : 'slot_differs'
  } catch {
    return 'invalid_cron'
  }
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The cron expression in UTC that fires every `intervalMs` and in the second of `slot`; undefined when there is none. */
export function cronOfInterval(intervalMs: number, slot: number): string | undefined {
  const at = new Date(slot)
  const [second, minute, hour] = [at.getUTCSeconds(), at.getUTCMinutes(), at.getUTCHours()]
  const divides = (unit: number, whole: number): boolean =>
    intervalMs >= unit && intervalMs % unit === 0 && whole % intervalMs === 0
  const field = (unit: number, now: number, size: number): string => {
    const step = intervalMs / unit
    if (step === size) return String(now)
    return step === 1 ? '*' : `${now % step}-${size - 1}/${step}`
  }
  if (divides(SECOND, MINUTE)) return `${field(SECOND, second, 60)} * * * * *`
  if (divides(MINUTE, HOUR)) return `${second} ${field(MINUTE, minute, 60)} * * * *`
  if (divides(HOUR, DAY)) return `${second} ${minute} ${field(HOUR, hour, 24)} * * *`
  return undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}
