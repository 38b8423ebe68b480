import { readFileSync } from 'node:fs'
import type { Redis as AnyRedis } from '@titan/service'
import type { BullJob } from './mapping.ts'
import type { BullSchedule } from './recurrence.ts'

/** The states of BullMQ whose jobs may be moved, in the order in which BullMQ would start them. */
export const MOVABLE = ['wait', 'paused', 'prioritized', 'delayed', 'failed'] as const
export type MovableState = (typeof MOVABLE)[number]

/** A job that was taken from BullMQ and is not known to be in the target. */
export interface InTransit {
  /** What the source keeps of it. */
  readonly member: string
  readonly id: string
  readonly state: MovableState
  /** Epoch milliseconds; 0 when it has no due time. */
  readonly dueAt: number
  /** When it was taken, epoch milliseconds by the source's clock. */
  readonly takenAt: number
}

/** Settings of a BullMQ queue that apply to all its jobs. */
export interface BullSettings {
  readonly isPaused: boolean
  readonly concurrency: string | null
  readonly rateMax: string | null
  readonly rateMs: string | null
}

const script = (name: string): string =>
  readFileSync(new URL(`../../lua/bullmq-${name}.lua`, import.meta.url), 'utf8')
const SCRIPTS = {
  read: script('read'),
  park: script('park'),
  drop: script('drop'),
  parkSchedule: script('park-schedule'),
}

/** What sends commands to the server of the BullMQ queue, and lists its clients. */
type Redis = Pick<AnyRedis, 'send' | 'masters'>

/** Jobs in transit, and repeating jobs: keys of ours among those of the BullMQ queue. */
const TRANSIT = 'titan-import'
const SCHEDULES_IN_TRANSIT = 'titan-import-repeat'

/** A job as the script replies. */
type Reply = readonly (string | number | null)[]

/**
 * A queue of BullMQ 4, 5 or 6 in Redis. It is read by its keys, which all three versions share, so that the command needs
 * no BullMQ.
 */
export class BullQueue {
  readonly #redis: Redis
  readonly #base: string
  readonly #clientName: string

  constructor(redis: Redis, prefix: string, name: string) {
    this.#redis = redis
    this.#base = `${prefix}:${name}:`
    this.#clientName = `${prefix}:${Buffer.from(name).toString('base64')}`
  }

  /** Whether the queue is one of BullMQ, which keeps `meta` of each, or of its predecessor Bull. */
  async kind(): Promise<'bullmq' | 'bull' | 'unknown'> {
    const exist = (...names: string[]): Promise<number> =>
      this.#send<number>('EXISTS', ...names.map((name) => this.#key(name)))
    if ((await exist('meta', TRANSIT, SCHEDULES_IN_TRANSIT)) > 0) return 'bullmq'
    return (await exist('id', 'repeat', 'wait', 'delayed')) > 0 ? 'bull' : 'unknown'
  }

  async settings(): Promise<BullSettings> {
    const fields = ['paused', 'concurrency', 'max', 'duration']
    const [paused, concurrency = null, rateMax = null, rateMs = null] = await this.#send<(string | null)[]>(
      'HMGET',
      this.#key('meta'),
      ...fields,
    )
    return { isPaused: paused !== null && paused !== undefined, concurrency, rateMax, rateMs }
  }

  /** Counts the workers that are connected; undefined where the server does not list its clients. */
  async countWorkers(): Promise<number | undefined> {
    try {
      const masters = await this.#redis.masters()
      const lists = await Promise.all(masters.map(({ send }) => send<string>(['CLIENT', 'LIST'])))
      const names = [...lists.join('\n').matchAll(/ name=(\S*)/g)].map(([, name = '']) => name)
      return names.filter((name) => name === this.#clientName || name.startsWith(`${this.#clientName}:w:`))
        .length
    } catch {
      return undefined
    }
  }

  /** Counts the jobs of a state. */
  async count(state: MovableState | 'active' | 'waiting-children' | 'groups'): Promise<number> {
    const isList = state === 'wait' || state === 'paused' || state === 'active'
    return this.#send<number>(isList ? 'LLEN' : 'ZCARD', this.#key(state))
  }

  /** Ids of a state, those that BullMQ would start next first; without the markers of version 4. */
  async page(state: MovableState, skip: number, count: number): Promise<string[]> {
    if (state !== 'wait' && state !== 'paused')
      return this.#send<string[]>('ZRANGE', this.#key(state), String(skip), String(skip + count - 1))
    const range = [String(-skip - count), String(-skip - 1)]
    return (await this.#send<string[]>('LRANGE', this.#key(state), ...range)).toReversed()
  }

  /** Reads jobs; undefined for one that does not exist. `data` is null where it is larger than `maxBytes`. */
  async read(ids: readonly string[], maxBytes: number): Promise<(BullJob | undefined)[]> {
    const replies = await this.#run<Reply[]>('read', [this.#base], [String(maxBytes), ...ids])
    return replies.map((reply, at) => readJob(ids[at] ?? '', reply))
  }

  /** Takes jobs from a state, unless they left it or changed; undefined for those. */
  async park(
    state: MovableState,
    jobs: readonly Pick<BullJob, 'id' | 'fingerprint'>[],
  ): Promise<(InTransit | undefined)[]> {
    const keys = [this.#key(state), this.#key(TRANSIT), this.#base, this.#key('repeat')]
    const args = jobs.flatMap(({ id, fingerprint }) => [id, fingerprint])
    return (await this.#run<string[]>('park', keys, [state, ...args])).map(readTransit)
  }

  /** Lists jobs that were taken, by this import or by one that was interrupted. */
  async inTransit(skip: number, count: number): Promise<InTransit[]> {
    const members = await this.#send<string[]>(
      'ZRANGE',
      this.#key(TRANSIT),
      String(skip),
      String(skip + count - 1),
    )
    return members.map(readTransit).filter((job) => job !== undefined)
  }

  /** Deletes jobs that are in the target. Returns how many were in transit. */
  async drop(jobs: readonly InTransit[]): Promise<number> {
    if (jobs.length === 0) return 0
    const keys = [this.#key(TRANSIT), this.#base, this.#key('events'), this.#key('meta')]
    return this.#run<number>(
      'drop',
      keys,
      jobs.flatMap(({ member, id }) => [member, id]),
    )
  }

  /** Lists repeating jobs with their definitions. */
  async schedules(): Promise<BullSchedule[]> {
    const keys = await this.#send<string[]>('ZRANGE', this.#key('repeat'), '0', '-1')
    const found: BullSchedule[] = []
    for (const key of keys) {
      const [score, fields] = await Promise.all([
        this.#send<string | number | null>('ZSCORE', this.#key('repeat'), key),
        this.#send<(string | null)[]>('HMGET', this.#key(`repeat:${key}`), ...SCHEDULE_FIELDS),
      ])
      if (score === null) continue
      const texts = fields.map((field) => field ?? undefined)
      const [name, tz, pattern, every, limit, startDate, endDate, data, opts, runs] = texts
      const definition = { name, tz, pattern, every, limit, startDate, endDate, data, opts }
      found.push({ key, nextAt: Number(score), isScheduler: runs !== undefined, ...definition })
    }
    return found
  }

  /** Takes a repeating job and its next job. Returns whether it could be taken: no worker was about to start it. */
  async parkSchedule(key: string, nextAt: number, nextId: string, definition: string): Promise<boolean> {
    const states = ['wait', 'paused', 'prioritized', 'delayed'].map((state) => this.#key(state))
    const own = [this.#key(`repeat:${key}`), this.#key(nextId)]
    const keys = [this.#key('repeat'), this.#key(SCHEDULES_IN_TRANSIT), ...states, ...own]
    return (await this.#run<number>('parkSchedule', keys, [key, String(nextAt), nextId, definition])) === 1
  }

  /** Lists repeating jobs that were taken; `waits`: their next job had not started. */
  async schedulesInTransit(): Promise<{ key: string; waits: boolean; definition: string }[]> {
    const keys = await this.#send<string[]>('HKEYS', this.#key(SCHEDULES_IN_TRANSIT))
    const texts = await Promise.all(
      keys.map((key) => this.#send<string | null>('HGET', this.#key(SCHEDULES_IN_TRANSIT), key)),
    )
    return keys.flatMap((key, at) => {
      const text = texts[at] ?? ''
      return text === '' ? [] : [{ key, waits: text.startsWith('1'), definition: text.slice(1) }]
    })
  }

  /** Forgets a repeating job that is in the target. */
  async dropSchedule(key: string): Promise<void> {
    await this.#send('HDEL', this.#key(SCHEDULES_IN_TRANSIT), key)
  }

  /** The server's clock, epoch milliseconds. */
  now(): Promise<number> {
    return serverNow(this.#redis, this.#base)
  }

  #key(name: string): string {
    return this.#base + name
  }

  #send<Value>(...command: string[]): Promise<Value> {
    return this.#redis.send<Value>(this.#base, command)
  }

  #run<Value>(name: keyof typeof SCRIPTS, keys: readonly string[], args: readonly string[]): Promise<Value> {
    return this.#send<Value>('EVAL', SCRIPTS[name], String(keys.length), ...keys, ...args)
  }
}

/** The clock of the server that holds a key, epoch milliseconds. */
export async function serverNow(redis: Pick<Redis, 'send'>, key: string): Promise<number> {
  const [seconds, micros] = await redis.send<[string, string]>(key, ['TIME'])
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
}

const SCHEDULE_FIELDS = [
  'name',
  'tz',
  'pattern',
  'every',
  'limit',
  'startDate',
  'endDate',
  'data',
  'opts',
  'ic',
]

function readJob(id: string, reply: Reply): BullJob | undefined {
  // '' where there is nothing: no field of a job is an empty text but its data, which is JSON.
  const texts = reply.map((value) => String(value ?? ''))
  const [name = '', data = '', opts = '', priority, createdAt = '', failures, parent, schedule] = texts
  const [children, fingerprint = ''] = texts.slice(8)
  if (reply[0] === null || reply[0] === undefined) return undefined
  return {
    id,
    name,
    data: data === '' ? undefined : data,
    opts,
    priority: Number(priority),
    createdAt,
    failures: Number(failures),
    isInFlow: parent !== '' || Number(children) > 0,
    scheduleKey: schedule === '' ? undefined : schedule,
    fingerprint,
  }
}

function readTransit(member: string): InTransit | undefined {
  const [, word, dueAt, takenAt, id] = /^([a-z]+):(\d+):(\d+):(.*)$/su.exec(member) ?? []
  const state = MOVABLE.find((known) => known === word)
  if (state === undefined || id === undefined) return undefined
  return { member, id, state, dueAt: Number(dueAt), takenAt: Number(takenAt) }
}
