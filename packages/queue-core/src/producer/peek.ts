import { decodeFields, plainJobId, readJson, readPlainJobId, type StoredJob } from '../model/job.ts'
import { deliveriesOf, isEarlier } from '../model/fence.ts'
import { LEVELS, priorityOf, type Level, type Priority } from '../model/levels.ts'
import type { QueuePartition } from '../redis/partition.ts'
import { isNoSuchKey, isWrongType } from '../redis/replies.ts'
import { readScores, type Scores } from '../redis/scores.ts'
import { serverNow } from '../redis/server-check.ts'

/** Where a live job is. */
export type JobState = 'ready' | 'leased' | 'delayed' | 'parked'

/** A live job as it is in Redis. */
export interface JobView {
  /** Where it is. */
  readonly state: JobState
  /** '' when its entry could not be read. */
  readonly id: string
  /** '' when its entry could not be read. */
  readonly name: string
  /** What the producer gave; undefined when it could not be read. */
  readonly data: unknown
  /** The stream it is in or will be in. */
  readonly priority: Priority
  /** Failed attempts so far. */
  readonly failures: number
  /** When it is due, epoch milliseconds by the server's clock; of delayed jobs only. */
  readonly dueAt: number | undefined
  /** Its entry in the stream, which tells since when it is ready; of ready and leased jobs only. */
  readonly entryId: string | undefined
  /** Consumer that has it; of leased jobs only. */
  readonly consumer: string | undefined
  /** Milliseconds since it was delivered or its lease was renewed; of leased jobs only. */
  readonly idleMs: number | undefined
  /** How often it was delivered; of leased jobs only. */
  readonly deliveries: number | undefined
}

/** A worker as Redis knows it, also one that is idle or paused. */
export interface ConsumerView {
  /** Name of the worker with its random end. */
  readonly name: string
  /** Jobs claimed by it. */
  readonly leases: number
  /** Milliseconds since its last sign of life: its heartbeat, every 5 s, or a read or renewal that Redis noted. */
  readonly idleMs: number
}

type Entries = [id: string, fields: string[]][]
type PendingEntry = [id: string, consumer: string, idleMs: number, deliveryCount: number]

/** Released jobs are pending under this name; they are ready. */
const RELEASED = '_released'

/** Looks at one partition. */
export interface PartInspector extends Record<JobState, (count: number) => Promise<JobView[]>> {
  find(id: string): Promise<JobView | 'done' | undefined>
  consumers(): Promise<ConsumerView[]>
}

/** An inspector of one partition. `single`: the queue has no other, so job ids need not name it. */
export function createPartInspector(
  { index, keys, connection }: QueuePartition,
  single: boolean,
): PartInspector {
  const partition = single ? undefined : index

  /** A list of maps, whichever way the protocol tells them; none while there is no stream. */
  async function ask(args: string[]): Promise<Record<string, unknown>[]> {
    try {
      const replies = await connection.send<(unknown[] | Record<string, unknown>)[]>(args)
      return replies.map((reply) => (Array.isArray(reply) ? toRecord(reply) : reply))
    } catch (error) {
      if (isNoSuchKey(error)) return []
      throw error
    }
  }

  async function groupOf(stream: string): Promise<{ name: string; last: string } | undefined> {
    const [group] = await ask(['XINFO', 'GROUPS', stream])
    return group && { name: String(group['name']), last: String(group['last-delivered-id']) }
  }

  /** Those that are still there. */
  async function entries(level: Level, ids: readonly string[]): Promise<Entries> {
    const stream = keys.streams[level]
    return (await Promise.all(ids.map((id) => connection.send<Entries>(['XRANGE', stream, id, id])))).flat()
  }

  async function pending(
    stream: string,
    group: string,
    consumer: string,
    count: number,
  ): Promise<PendingEntry[]> {
    return connection.send<PendingEntry[]>(['XPENDING', stream, group, '-', '+', String(count), consumer])
  }

  function view(
    state: JobState,
    level: Level,
    stored: StoredJob | undefined,
    more: Partial<JobView>,
  ): JobView {
    const { entryId } = more
    const made = entryId === undefined || stored === undefined ? '' : plainJobId(entryId, level, partition)
    return {
      state,
      id: stored?.meta.id ?? made,
      name: stored?.name ?? '',
      data: readJson(stored?.data),
      priority: priorityOf(level),
      failures: stored?.meta.failures ?? 0,
      dueAt: undefined,
      entryId: undefined,
      consumer: undefined,
      idleMs: undefined,
      deliveries: undefined,
      ...more,
    }
  }

  function readyView(level: Level, [entryId, fields]: Entries[number]): JobView {
    return view('ready', level, decodeFields(fields, level), { entryId })
  }

  function leasedView(
    level: Level,
    fields: readonly string[],
    [entryId, consumer, idleMs, count]: PendingEntry,
  ): JobView {
    const deliveries = deliveriesOf(count)
    return view('leased', level, decodeFields(fields, level), { entryId, consumer, idleMs, deliveries })
  }

  function waitingView(state: 'delayed' | 'parked', envelope: string, dueAt?: number): JobView {
    const [level = '', id = '', , , name = '', meta = '', ...data] = envelope.split('\n')
    const at = LEVELS.find((candidate) => candidate === Number(level) - 1) ?? 1
    const fields = ['n', name, 'd', data.join('\n'), ...(meta === '' ? [] : ['m', meta])]
    return { ...view(state, at, decodeFields(fields, at), { dueAt }), id }
  }

  async function readyOf(level: Level, count: number): Promise<JobView[]> {
    const stream = keys.streams[level]
    const group = await groupOf(stream)
    const released = group === undefined ? [] : await pending(stream, group.name, RELEASED, count)
    const first = await entries(
      level,
      released.map(([id]) => id),
    )
    const from = group === undefined ? '-' : `(${group.last}`
    const rest = await connection.send<Entries>(['XRANGE', stream, from, '+', 'COUNT', String(count)])
    return [...first, ...rest].slice(0, count).map((entry) => readyView(level, entry))
  }

  async function leasedOf(level: Level, count: number): Promise<JobView[]> {
    const stream = keys.streams[level]
    const group = await groupOf(stream)
    if (group === undefined) return []
    const names = (await ask(['XINFO', 'CONSUMERS', stream, group.name])).map(({ name }) => String(name))
    const lists = await Promise.all(
      names.filter((name) => name !== RELEASED).map((name) => pending(stream, group.name, name, count)),
    )
    const oldest = lists
      .flat()
      .toSorted((a, b) => b[2] - a[2])
      .slice(0, count)
    const fields = new Map(
      await entries(
        level,
        oldest.map(([id]) => id),
      ),
    )
    return oldest.map((lease) => leasedView(level, fields.get(lease[0]) ?? [], lease))
  }

  async function findInStream(level: Level, entryId: string): Promise<JobView | undefined> {
    const [entry] = await entries(level, [entryId])
    if (entry === undefined) return undefined
    const stream = keys.streams[level]
    const group = await groupOf(stream)
    if (group === undefined) return readyView(level, entry)
    const args = ['XPENDING', stream, group.name, entryId, entryId, '1']
    const [lease] = await connection.send<PendingEntry[]>(args)
    if (lease !== undefined && lease[1] !== RELEASED) return leasedView(level, entry[1], lease)
    // Delivered and no longer pending: settled in the meantime, or acknowledged by hand. No worker gets it again.
    const isOver = lease === undefined && !isEarlier(group.last, entryId)
    return isOver ? undefined : readyView(level, entry)
  }

  /** Workers by their heartbeats; those of a version without one are known to the group only. */
  async function beats(): Promise<ConsumerView[]> {
    const args = ['ZRANGE', keys.workers, '0', '-1', 'WITHSCORES']
    const [scores, now] = await Promise.all([
      connection.send<Scores>(args).catch((error: unknown): Scores => {
        if (isWrongType(error)) return []
        throw error
      }),
      serverNow(connection),
    ])
    return readScores(scores).map(([name, at]) => ({ name, leases: 0, idleMs: Math.max(0, now - at) }))
  }

  async function findDelayed(id: string): Promise<JobView | undefined> {
    const envelope = await connection.send<string | null>(['HGET', keys.delayedJobs, id])
    if (envelope === null) return undefined
    const due = await connection.send<string | number | null>(['ZSCORE', keys.delayed, id])
    return waitingView('delayed', envelope, Number(due))
  }

  /** A job that the index does not know: done, delayed under an id of the library's, or with its entry for an id. */
  async function findUnindexed(id: string): Promise<JobView | 'done' | undefined> {
    if ((await connection.send<number>(['EXISTS', keys.processed(id)])) === 1) return 'done'
    const delayed = await findDelayed(id)
    if (delayed !== undefined) return delayed
    const plain = readPlainJobId(id)
    if (plain === undefined || plain.partition !== partition) return undefined
    const found = await findInStream(plain.level, plain.entryId)
    return found?.id === id ? found : undefined
  }

  async function ofLevels(
    list: (level: Level, count: number) => Promise<JobView[]>,
    count: number,
  ): Promise<JobView[]> {
    return (await Promise.all(LEVELS.map((level) => list(level, count)))).flat()
  }

  return {
    ready: async (count) => (await ofLevels(readyOf, count)).slice(0, count),
    leased: async (count) => {
      const all = await ofLevels(leasedOf, count)
      return all.toSorted((a, b) => (b.idleMs ?? 0) - (a.idleMs ?? 0)).slice(0, count)
    },
    async delayed(count) {
      const args = ['ZRANGE', keys.delayed, '0', String(count - 1), 'WITHSCORES']
      const flat = (await connection.send<(string | number | [string, number])[]>(args)).flat()
      const ids = flat.filter((_, at) => at % 2 === 0).map(String)
      if (ids.length === 0) return []
      const envelopes = await connection.send<(string | null)[]>(['HMGET', keys.delayedJobs, ...ids])
      return envelopes.flatMap((envelope, at) =>
        envelope === null ? [] : [waitingView('delayed', envelope, Number(flat[at * 2 + 1]))],
      )
    },
    async parked(count) {
      const members = await connection.send<string[]>(['ZRANGE', keys.parked, '0', String(count - 1)])
      return members.map((member) => waitingView('parked', envelopeOf(member)))
    },
    async find(id) {
      const place = await connection.send<string | null>(['HGET', keys.live, id])
      if (place === null) return findUnindexed(id)
      if (place === 'd') return findDelayed(id)
      const [, level, entryId = ''] = /^(\d):(\d+-\d+):/.exec(place) ?? []
      const at = LEVELS.find((candidate) => candidate === Number(level) - 1)
      if (at !== undefined) return findInStream(at, entryId)
      const [, turn = '', key = ''] = /^p:(\d+):(.*)$/s.exec(place) ?? []
      const start = `[${key}\0${turn}\0`
      const range = [start, `${start}\xff`, 'BYLEX', 'LIMIT', '0', '1']
      const [member] = await connection.send<string[]>(['ZRANGE', keys.parked, ...range])
      return member === undefined ? undefined : waitingView('parked', envelopeOf(member))
    },
    async consumers() {
      const lists = await Promise.all(
        LEVELS.map(async (level) => {
          const group = await groupOf(keys.streams[level])
          return group === undefined ? [] : ask(['XINFO', 'CONSUMERS', keys.streams[level], group.name])
        }),
      )
      const known = lists
        .flat()
        .flatMap(({ name, pending: leases, idle }) =>
          name === RELEASED ? [] : [{ name: String(name), leases: Number(leases), idleMs: Number(idle) }],
        )
      return [...known, ...(await beats())]
    },
  }
}

/** A parked job is stored behind its ordering key and its turn. */
function envelopeOf(member: string): string {
  return member.split('\0').slice(2).join('\0')
}

function toRecord(list: readonly unknown[]): Record<string, unknown> {
  const pairs = list.flatMap((key, at) => (at % 2 === 0 ? [[String(key), list[at + 1]]] : []))
  return Object.fromEntries(pairs)
}
