import { Cron } from 'croner'
import { enqueue } from './enqueue.ts'
import { QueueError } from './errors.ts'
import { checkKey, checkName, encodeData, type JobMap, type JobName, type JobOptions } from './job.ts'
import { levelOf } from './levels.ts'
import { describeJob } from './new-job.ts'
import type { QueuePartition } from './partition.ts'
import { validate, type Schemas } from './schema.ts'
import { runScript, scripts } from './scripts.ts'
import { serverNow } from './server.ts'

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
    'priority' | 'maxAttempts' | 'orderingKey' | 'timeoutMs' | 'visibilityMs'
  >
}

/** A schedule and when it fires next, epoch milliseconds. */
export interface ScheduleState extends Schedule {
  /** Undefined when it was removed just now. */
  readonly nextAt: number | undefined
}

/** Recurring jobs, stored in Redis so that no process owns them. */
export interface Schedules<Jobs extends JobMap> {
  /**
   * Creates or replaces the recurring job `key`. Each slot fires once however many workers run; the job's id is
   * `<key>@<slot>`. Slots missed while no worker ran fire once, not each.
   * `timeZone`: IANA name. @default 'UTC'
   * `key`: 1–200 characters. In a queue of partitions its jobs are in the first one.
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
  /** All recurring jobs, in no order. */
  schedules(): Promise<ScheduleState[]>
}

/** Room for the slot in the id of its job. */
const LONGEST_KEY = 200

/** First slot after `after`, epoch milliseconds; undefined when there is none. @throws {QueueError} `INVALID_OPTIONS` */
export function nextSlot(cron: string, timeZone: string, after: number): number | undefined {
  try {
    // More fields, or a date, would name a last slot.
    if (!/^\s*(\S+\s+){4,5}\S+\s*$/.test(cron)) throw new Error('A schedule has five or six fields')
    return new Cron(cron, { timezone: timeZone }).nextRun(new Date(after))?.getTime()
  } catch (error) {
    throw new QueueError('INVALID_OPTIONS', `Schedule "${cron}" in time zone "${timeZone}" is not valid`, {
      cause: error,
    })
  }
}

/** The verbs for recurring jobs of a queue. */
export function createSchedules<Jobs extends JobMap>(
  queue: string,
  parts: readonly QueuePartition[],
  schemas: Schemas | undefined,
  maxPayloadBytes: number,
): Schedules<Jobs> {
  const [home] = parts
  if (home === undefined) throw new QueueError('INVALID_OPTIONS', `Queue "${queue}" has no partition`)
  const { connection, keys } = home
  const store = (key: string, definition: string, slot: string): Promise<number> =>
    runScript<number>(
      connection,
      scripts.schedule,
      [keys.schedules, keys.slots, keys.control],
      [key, definition, slot],
    )
  return {
    async schedule(key, { cron, timeZone = 'UTC' }, name, data, options = {}) {
      // Everything is checked here: a slot that cannot be fired would hold up the others.
      checkKey('Schedule key', key, LONGEST_KEY)
      checkName(name)
      describeJob(options)
      const checked = await validate(schemas, name, data)
      encodeData(name, checked, maxPayloadBytes)
      const slot = nextSlot(cron, timeZone, await serverNow(connection))
      if (slot === undefined) throw new QueueError('INVALID_OPTIONS', `Schedule "${cron}" never fires`)
      const schedule = JSON.stringify({
        key,
        cron,
        timeZone,
        name,
        data: checked,
        options,
      } satisfies Schedule)
      await store(key, schedule, String(slot))
    },
    async unschedule(key) {
      return (await store(key, '', '')) > 0
    },
    async schedules() {
      const stored = await connection.send<string[] | Record<string, string>>(['HVALS', keys.schedules])
      return Promise.all(
        Object.values(stored).map(async (text) => {
          const schedule = JSON.parse(text) as Schedule
          const score = await connection.send<string | number | null>(['ZSCORE', keys.slots, schedule.key])
          return { ...schedule, nextAt: score === null ? undefined : Number(score) }
        }),
      )
    },
  }
}

/** Fires the slots that are due and returns the milliseconds until the next one, undefined without schedules. */
export async function fireDueSlots(part: QueuePartition, now: number): Promise<number | undefined> {
  const { connection, keys, fixed } = part
  const due = await connection.send<string[]>([
    'ZRANGE',
    keys.slots,
    '-inf',
    String(now),
    'BYSCORE',
    'LIMIT',
    '0',
    '100',
  ])
  for (const key of due) {
    // The slot is read before the definition: one that is replaced in between has another slot, and the guard refuses.
    const score = await connection.send<string | number | null>(['ZSCORE', keys.slots, key])
    const slot = Number(score ?? Infinity)
    if (slot > now) continue
    const text = await connection.send<string | null>(['HGET', keys.schedules, key])
    const schedule = text === null ? undefined : (JSON.parse(text) as Schedule)
    const following =
      schedule === undefined ? undefined : nextSlot(schedule.cron, schedule.timeZone, Math.max(now, slot))
    if (schedule === undefined || following === undefined) {
      await connection.send(['ZREM', keys.slots, key])
      continue
    }
    const full = describeJob({ ...schedule.options, id: `${key}@${slot}` })
    const level = levelOf(schedule.options.priority ?? 'default')
    const data = JSON.stringify(schedule.data)
    // The guard moves the schedule on in the step that adds the job: only one worker wins a slot.
    const guard = ['slot', key, `${slot} ${following}`] as const
    await enqueue(connection, keys, fixed, 0, [
      { level, name: schedule.name, data, full: { ...full, guard } },
    ])
  }
  const next = await connection.send<string[]>(['ZRANGE', keys.slots, '0', '0'])
  const score =
    next[0] === undefined
      ? null
      : await connection.send<string | number | null>(['ZSCORE', keys.slots, next[0]])
  return score === null ? undefined : Math.max(0, Number(score) - now)
}
