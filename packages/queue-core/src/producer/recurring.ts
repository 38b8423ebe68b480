import { Cron } from 'croner'
import { checkMembers, invalidOptions, QueueError } from '../model/errors.ts'
import type { OnEvent } from '../model/events.ts'
import { checkKey, checkName, encodeData, isKey } from '../model/job.ts'
import type { AnyJobs, JobMap, JobName, JobOptions, Meta } from '../model/job.ts'
import { levelOf } from '../model/levels.ts'
import type { Members } from '../model/members.ts'
import { validate } from '../model/schema.ts'
import { textOf } from '../model/text-of.ts'
import { levelNumber, readJson } from '../redis/layout.ts'
import { partitionOf, type QueuePartition } from '../redis/partition.ts'
import { readScores, type ScoresReply } from '../redis/replies.ts'
import { runScript } from '../redis/scripts.ts'
import { serverNow } from '../redis/server-check.ts'
import type { QueueContext } from './enqueuer.ts'
import { checkOptions, describeJob, withDefaults } from './new-job.ts'

/** A recurring job as it is stored. */
export interface Schedule {
  /** Its name, unique in the queue. */
  readonly key: string
  /** Five or six fields: [second] minute hour day month weekday. */
  readonly cron: string
  /** IANA time zone. */
  readonly timeZone: string
  /** Name of the job it adds. */
  readonly name: string
  /** Data of the job it adds. */
  readonly data: unknown
  /** Options of the job it adds. */
  readonly options: Pick<
    JobOptions,
    'priority' | 'maxAttempts' | 'orderingKey' | 'timeoutMs' | 'visibilityMs' | 'backoff'
  >
}

/** A schedule and when it fires next, epoch milliseconds. */
export interface ScheduleState extends Schedule {
  /** Undefined when it was just removed, or when it no longer fires because it cannot be read. */
  readonly nextAt: number | undefined
}

/** Recurring jobs, stored in Redis so that no process owns them. */
export interface Schedules<Jobs extends JobMap = AnyJobs> {
  /**
   * Creates or replaces the recurring job `key`. Each slot fires once however many workers run; the job's id is
   * `<key>@<slot>`. Slots missed while no worker ran fire once, not each. While the job of the last firing waits, none is
   * added: at most one waits while another runs. A new definition removes the waiting job of the old one; an unchanged
   * definition changes nothing.
   * `timeZone`: IANA name. @default 'UTC'
   * `key`: 1–200 characters. In a queue of partitions its jobs go to that of their `orderingKey`, or else of `key`.
   * @throws {QueueError} `INVALID_OPTIONS` for a bad expression, time zone or option, `INVALID_PAYLOAD`
   */
  schedule<Name extends JobName<Jobs>>(
    key: string,
    recurrence: { readonly cron: string; readonly timeZone?: string },
    name: Name,
    data: Jobs[Name],
    options?: Schedule['options'],
  ): Promise<void>
  /** Removes a recurring job; false if there was none. */
  unschedule(key: string): Promise<boolean>
  /** All recurring jobs, in no order; without those whose definition is damaged. */
  schedules(): Promise<ScheduleState[]>
}

const RECURRENCE: Members<Parameters<Schedules<JobMap>['schedule']>[1]> = { cron: true, timeZone: true }
const SCHEDULE_OPTIONS: Members<Schedule['options']> = {
  priority: true,
  maxAttempts: true,
  orderingKey: true,
  timeoutMs: true,
  visibilityMs: true,
  backoff: true,
}

/** The script's reply when another definition was there. */
const REPLACED = 2

/** Leaves room for the slot in the id of its job. */
const LONGEST_KEY = 200

/** Finds the first slot after `after`, epoch milliseconds; undefined when there is none. @throws {QueueError} `INVALID_OPTIONS` */
export function nextSlot(cron: string, timeZone: string, after: number): number | undefined {
  try {
    // More fields, or a date, would name a last slot.
    if (!/^\s*(\S+\s+){4,5}\S+\s*$/.test(cron)) throw new Error('A schedule has five or six fields')
    return new Cron(cron, { timezone: timeZone }).nextRun(new Date(after))?.getTime()
  } catch (error) {
    const text = `Schedule "${cron}" in time zone "${timeZone}" is not valid: ${textOf(error)}`
    throw invalidOptions(text, { cause: error })
  }
}

/** Opens the recurring jobs of a queue. */
export function createSchedules<Jobs extends JobMap>(context: QueueContext): Schedules<Jobs> {
  const { queue, parts, schemas, maxPayloadBytes, defaults } = context
  return {
    async schedule(key, recurrence, name, data, given = {}) {
      checkMembers('The recurrence of schedule', recurrence, RECURRENCE)
      checkOptions('schedule', given, SCHEDULE_OPTIONS)
      const options = withDefaults(defaults, given)
      const { cron, timeZone = 'UTC' } = recurrence
      // Everything is checked here: a slot that cannot be fired would hold up the others.
      checkKey('Schedule key', key, LONGEST_KEY)
      checkName(name)
      describeJob(options)
      levelOf(options.priority ?? 'default')
      await validate(schemas, name, data)
      encodeData(name, data, maxPayloadBytes)
      const home = parts[partitionOf(options.orderingKey ?? key, parts.length)]
      if (home === undefined) throw invalidOptions(`Queue "${queue}" has no partition`)
      const slot = nextSlot(cron, timeZone, await serverNow(home.connection))
      if (slot === undefined) throw invalidOptions(`Schedule "${cron}" never fires`)
      const schedule: Schedule = { key, cron, timeZone, name, data, options }
      const before = await lastFiring(home, key)
      const reply = await store(home, key, JSON.stringify(schedule), String(slot))
      if (reply === REPLACED) await removeWaiting(home, before)
      // With another ordering key it was elsewhere, and must not fire there too. Removed last: a failure loses nothing.
      for (const part of parts) {
        if (part === home) continue
        const last = await lastFiring(part, key)
        await store(part, key, '', '')
        await removeWaiting(part, last)
      }
    },
    async unschedule(key) {
      if (!isKey(key)) return false
      const removed = await Promise.all(parts.map((part) => store(part, key, '', '')))
      return removed.some((count) => count > 0)
    },
    schedules: async () => (await Promise.all(parts.map(schedulesOf))).flat(),
  }
}

/** Stores the definition and slot of a recurring job, or removes them where both are ''. */
function store(part: QueuePartition, key: string, definition: string, slot: string): Promise<number> {
  return runScript(part, 'schedule', [key, definition, slot])
}

/** Reads the id of the job that the last firing added. */
function lastFiring({ connection, keys }: QueuePartition, key: string): Promise<string | null> {
  return connection.send<string | null>(['HGET', keys.schedules, `${key}\n`])
}

/** Removes the job that the last firing added, if it still waits. */
async function removeWaiting(part: QueuePartition, last: string | null): Promise<void> {
  if (last !== null) await runScript(part, 'amend', ['cancel', last, ''])
}

async function schedulesOf({ connection, keys }: QueuePartition): Promise<ScheduleState[]> {
  const stored = await connection.send<string[]>(['HVALS', keys.schedules])
  const readable = stored.map(readJson).filter(isSchedule)
  return Promise.all(
    readable.map(async (schedule) => {
      const score = await connection.send<string | number | null>(['ZSCORE', keys.slots, schedule.key])
      return { ...schedule, nextAt: score === null ? undefined : Number(score) }
    }),
  )
}

/** Whether it has the shape of a definition; its content is checked when it fires. */
function isSchedule(value: unknown): value is Schedule {
  const { key, cron } = (value ?? {}) as Partial<Schedule>
  return typeof key === 'string' && typeof cron === 'string'
}

/** Most slots fired in one pass. */
const BATCH = 100

/**
 * Fires the slots that are due. Returns the milliseconds until the next one, undefined when there is none. What cannot
 * be fired loses its slot, so that it holds up no other and is reported once.
 */
export async function fireDueSlots(
  part: QueuePartition,
  now: number,
  emit: OnEvent,
): Promise<number | undefined> {
  const { connection, keys } = part
  const find = async (from: string, to: string, count: number) => {
    const range = [from, to, 'BYSCORE', 'LIMIT', '0', String(count), 'WITHSCORES']
    return readScores(await connection.send<ScoresReply>(['ZRANGE', keys.slots, ...range]))
  }
  const due = await find('-inf', String(now), BATCH)
  // Side by side, so that delayed jobs do not wait for many round trips.
  const firings = await Promise.allSettled(
    due.map(async ([key, slot]) => {
      const error = await fireSlot(part, key, slot, now)
      if (error !== undefined) emit({ type: 'error', error, during: 'schedule' })
    }),
  )
  for (const firing of firings) if (firing.status === 'rejected') throw firing.reason
  if (due.length === BATCH) return 0
  const [next] = await find(`(${now}`, '+inf', 1)
  return next === undefined ? undefined : Math.max(0, next[1] - now)
}

/**
 * Fires one slot if it is still there. Returns the reason when it cannot be fired, which ends the recurring job.
 * `evenWhileOneWaits`: although the job of the last firing waits. @default false
 */
export async function fireSlot(
  part: QueuePartition,
  key: string,
  slot: number,
  now: number,
  evenWhileOneWaits = false,
): Promise<Error | undefined> {
  const { connection, keys } = part
  const text = (await connection.send<string | null>(['HGET', keys.schedules, key])) ?? ''
  const id = `${key}@${slot}`
  const moreKeys = [keys.schedules, keys.processed(id)]
  const fire = (args: readonly string[]): Promise<number> =>
    runScript<number>(part, 'fire', [key, String(slot), text, ...args], { moreKeys })
  let args: readonly string[]
  try {
    args = describeFiring(id, text, Math.max(now, slot))
  } catch (cause) {
    const wasLast = (await fire([''])) === 1
    // Without a definition it was just removed, or its definition was deleted by hand.
    if (!wasLast || text === '') return undefined
    const advice = 'cannot be read and no longer fires: schedule it again, or unschedule it'
    return new Error(`Schedule "${key}" ${advice}`, { cause })
  }
  await fire([...args, evenWhileOneWaits ? '1' : ''])
  return undefined
}

/** Makes the arguments of the script that fires a slot. @throws when the definition is not one */
function describeFiring(id: string, text: string, after: number): string[] {
  const { cron, timeZone, name, data, options } = JSON.parse(text) as Schedule
  if (typeof name !== 'string')
    throw new QueueError('INVALID_PAYLOAD', 'A schedule needs the name of its job')
  const following = nextSlot(cron, timeZone, after)
  if (following === undefined) throw invalidOptions(`Schedule "${cron}" never fires`)
  const { orderingKey, meta } = describeJob({ ...options, id })
  const level = levelNumber(levelOf(options.priority ?? 'default'))
  const marked = JSON.stringify({ ...(JSON.parse(meta) as Meta), scheduled: 1 } satisfies Meta)
  const job = [level, id, orderingKey, checkName(name), marked, encodeData(name, data, Infinity)]
  return [String(following), ...job]
}
