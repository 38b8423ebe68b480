import { checkMembers, checkWhole } from '../model/errors.ts'
import { deliveriesOf, isEarlier } from '../model/fence.ts'
import { isKey } from '../model/job.ts'
import { LEVELS, priorityOf, type Level, type Priority } from '../model/levels.ts'
import { LOOKING_OPTIONS, resolveShared } from '../model/options.ts'
import type { RedisClient } from '../redis/clients/recognise.ts'
import { readMany } from '../redis/chunks.ts'
import * as layout from '../redis/layout.ts'
import { sharePartitions, type QueuePartition } from '../redis/partition.ts'
import { isWrongType, readScores, type ScoresReply } from '../redis/replies.ts'
import { serverNow } from '../redis/server-check.ts'
import { StreamReader, type PendingEntry } from '../redis/streams.ts'

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
  /** Its entry in the stream, whose id begins with the time at which it became ready; of ready and leased jobs only. */
  readonly entryId: string | undefined
  /** Consumer that holds it; of leased jobs only. */
  readonly consumer: string | undefined
  /** Milliseconds after it was delivered or its lease was renewed; of leased jobs only. */
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
  /** Milliseconds after its last sign of life: its heartbeat, every 5 s, or a read or renewal that Redis noted. */
  readonly idleMs: number
}

/** An entry of one of the streams, whatever its state. */
export interface EntryView {
  /** Key of the stream. */
  readonly stream: string
  /** Id of the entry. */
  readonly entryId: string
  /** Name of its job; undefined when the entry is not in the format of a job. */
  readonly name: string | undefined
  /** Data of its job; undefined when it could not be read. */
  readonly data: unknown
}

/** Shows the jobs of one queue. Reads only; what it returns may have changed meanwhile. */
export interface Inspector {
  /**
   * The first jobs of a state: ready and delayed ones in their order, leased ones with the longest idle first, parked
   * ones by their key. `count` of each partition. @default 10
   */
  peek(state: JobState, count?: number): Promise<JobView[]>
  /**
   * The live job of an id: one that its producer gave, or that `enqueue` returned for a plain or a delayed job. `done`
   * when it is remembered as done; undefined when it is unknown.
   */
  find(id: string): Promise<JobView | 'done' | undefined>
  /** Every worker that Redis knows, also those that ended without leaving. By name. */
  consumers(): Promise<ConsumerView[]>
  /** Those of some ids, given by producers, under which no job waits or runs. */
  missing(ids: readonly string[]): Promise<string[]>
  /** Every entry of the streams, ready or leased, page by page. */
  entries(): AsyncIterable<EntryView[]>
}

/** Entries that are read at a time. */
const PAGE = 1_000

/**
 * Opens an inspector over a connected client, for people and their tools. `prefix` and `partitions` are the queue's.
 * @throws {QueueError} `INVALID_OPTIONS`
 * @example
 * const next = await createInspector(redis, 'emails').peek('ready')
 */
export function createInspector(
  redis: RedisClient,
  queue: string,
  options: { readonly prefix?: string; readonly partitions?: number } = {},
): Inspector {
  checkMembers('createInspector', options, LOOKING_OPTIONS)
  const parts = sharePartitions(redis, queue, resolveShared(queue, options))
  return {
    async peek(state, count = 10) {
      checkWhole('count', count, 0)
      return count === 0 ? [] : listAll(parts, (part) => peek[state](part, count))
    },
    async find(id) {
      if (!isKey(id)) return undefined
      for (const part of parts) {
        const found = await find(part, id)
        if (found !== undefined) return found
      }
      return undefined
    },
    async consumers() {
      const byName = new Map<string, ConsumerView>()
      for (const { name, leases, idleMs } of await listAll(parts, consumersOf)) {
        const other = byName.get(name) ?? { leases: 0, idleMs }
        const view = { name, leases: leases + other.leases, idleMs: Math.min(idleMs, other.idleMs) }
        byName.set(name, view)
      }
      return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
    },
    async missing(ids) {
      const alive = await Promise.all(parts.map((part) => aliveOf(part, ids)))
      return ids.filter((_id, index) => !alive.some((inPart) => inPart[index] === true))
    },
    async *entries() {
      for (const { connection, keys } of parts)
        for (const stream of keys.streams)
          for await (const page of new StreamReader(connection, stream).pages(PAGE))
            yield page.map(([entryId, fields]) => {
              const job = layout.decodeFields(fields, 1)
              return { stream, entryId, name: job?.name, data: layout.readJson(job?.data) }
            })
    },
  }
}

/** Looks at each side by side and joins what was found, in their order. */
async function listAll<Item, Found>(items: readonly Item[], look: (item: Item) => Promise<Found[]>) {
  return (await Promise.all(items.map(look))).flat()
}

const peek: Record<JobState, (part: QueuePartition, count: number) => Promise<JobView[]>> = {
  async ready(part, count) {
    return (await listAll(LEVELS, (level) => readyOf(part, level, count))).slice(0, count)
  },
  async leased(part, count) {
    const leased = await listAll(LEVELS, (level) => leasedOf(part, level, count))
    return leased.toSorted((a, b) => (b.idleMs ?? 0) - (a.idleMs ?? 0)).slice(0, count)
  },
  async delayed({ connection, keys }, count) {
    const args = ['ZRANGE', keys.delayed, '0', String(count - 1), 'WITHSCORES']
    const scores = readScores(await connection.send<ScoresReply>(args))
    if (scores.length === 0) return []
    const ids = scores.map(([id]) => id)
    const envelopes = await readMany(connection, ['HMGET', keys.delayedJobs], ids)
    return envelopes.flatMap((envelope, at) =>
      envelope === null
        ? []
        : [view('delayed', { ...layout.readEnvelope(envelope), dueAt: scores[at]?.[1] })],
    )
  },
  async parked({ connection, keys }, count) {
    const members = await connection.send<string[]>(['ZRANGE', keys.parked, '0', String(count - 1)])
    return members.map((member) => view('parked', layout.readParked(member)))
  },
}

const streamOf = ({ connection, keys }: QueuePartition, level: Level): StreamReader =>
  new StreamReader(connection, keys.streams[level])

async function readyOf(part: QueuePartition, level: Level, count: number): Promise<JobView[]> {
  const stream = streamOf(part, level)
  const group = await stream.group()
  const released = group && (await stream.pending(group.name, layout.RELEASED, count))
  const first = await stream.entries(released?.map(([id]) => id) ?? [])
  const rest = await stream.range(group === undefined ? '-' : `(${group.last}`, '+', count)
  return [...first, ...rest].slice(0, count).map((entry) => streamView(part, level, entry))
}

async function leasedOf(part: QueuePartition, level: Level, count: number): Promise<JobView[]> {
  const stream = streamOf(part, level)
  const group = await stream.group()
  if (group === undefined) return []
  const consumers = (await stream.consumers()).filter(({ name }) => name !== layout.RELEASED)
  const leases = await listAll(consumers, ({ name }) => stream.pending(group.name, name, count))
  const longest = leases.toSorted(([, , a], [, , b]) => b - a).slice(0, count)
  const fields = new Map(await stream.entries(longest.map(([id]) => id)))
  return longest.map((lease) => streamView(part, level, [lease[0], fields.get(lease[0]) ?? []], lease))
}

async function find(part: QueuePartition, id: string): Promise<JobView | 'done' | undefined> {
  const { connection, keys } = part
  const text = await connection.send<string | null>(['HGET', keys.live, id])
  if (text === null) return findUnindexed(part, id)
  const place = layout.readPlace(text)
  if (place?.kind === 'delayed') return findDelayed(part, id)
  if (place?.kind === 'stream') return findInStream(part, place.level, place.entryId)
  if (place === undefined) return undefined
  const range = [...place.range, 'BYLEX', 'LIMIT', '0', '1']
  const [member] = await connection.send<string[]>(['ZRANGE', keys.parked, ...range])
  return member === undefined ? undefined : view('parked', layout.readParked(member))
}

/** A job that the index does not know: done, delayed under an id of the library's, or with its entry for an id. */
async function findUnindexed(part: QueuePartition, id: string): Promise<JobView | 'done' | undefined> {
  const { connection, keys } = part
  if ((await connection.send<number>(['EXISTS', keys.processed(id)])) === 1) return 'done'
  const delayed = await findDelayed(part, id)
  if (delayed !== undefined) return delayed
  const plain = layout.readPlainJobId(id)
  if (plain === undefined || plain.partition !== keys.partition) return undefined
  const found = await findInStream(part, plain.level, plain.entryId)
  return found?.id === id ? found : undefined
}

async function findDelayed({ connection, keys }: QueuePartition, id: string): Promise<JobView | undefined> {
  const envelope = await connection.send<string | null>(['HGET', keys.delayedJobs, id])
  if (envelope === null) return undefined
  const due = await connection.send<string | number | null>(['ZSCORE', keys.delayed, id])
  return view('delayed', { ...layout.readEnvelope(envelope), dueAt: Number(due) })
}

async function findInStream(
  part: QueuePartition,
  level: Level,
  entryId: string,
): Promise<JobView | undefined> {
  const stream = streamOf(part, level)
  const [entry] = await stream.entries([entryId])
  if (entry === undefined) return undefined
  const group = await stream.group()
  const lease = group && (await stream.lease(group.name, entryId))
  if (lease !== undefined)
    return streamView(part, level, entry, lease[1] === layout.RELEASED ? undefined : lease)
  // Delivered and no longer pending: settled in the meantime, or acknowledged by hand. No worker gets it again.
  const isWaiting = group === undefined || isEarlier(group.last, entryId)
  return isWaiting ? streamView(part, level, entry) : undefined
}

/** For each id, whether a job is where the index says. A parked one counts as there. */
async function aliveOf(part: QueuePartition, ids: readonly string[]): Promise<boolean[]> {
  if (ids.length === 0) return []
  const { connection, keys } = part
  const places = await readMany(connection, ['HMGET', keys.live], ids)
  return Promise.all(
    ids.map(async (id, index) => {
      const place = layout.readPlace(places[index] ?? '')
      if (place?.kind === 'delayed')
        return (await connection.send<number>(['HEXISTS', keys.delayedJobs, id])) === 1
      if (place?.kind !== 'stream') return place !== undefined
      return (await streamOf(part, place.level).entries([place.entryId])).length > 0
    }),
  )
}

/** Workers as the groups know them, and by their heartbeats, which those of an old version do not have. */
async function consumersOf(part: QueuePartition): Promise<ConsumerView[]> {
  const { connection, keys } = part
  const [known, beats, now] = await Promise.all([
    listAll(LEVELS, (level) => streamOf(part, level).consumers()),
    connection
      .send<ScoresReply>(['ZRANGE', keys.workers, '0', '-1', 'WITHSCORES'])
      .catch((error: unknown): ScoresReply => {
        if (isWrongType(error)) return []
        throw error
      }),
    serverNow(connection),
  ])
  const beating = readScores(beats).map(([name, at]) => ({ name, leases: 0, idleMs: Math.max(0, now - at) }))
  return [...known.filter(({ name }) => name !== layout.RELEASED), ...beating]
}

/** A job in a stream; `lease` is its pending entry where a worker holds it. */
function streamView(
  part: QueuePartition,
  level: Level,
  [entryId, fields]: layout.Entries[number],
  lease?: PendingEntry,
): JobView {
  const job = layout.decodeFields(fields, level)
  const id = job && (job.meta.id ?? layout.plainJobId(entryId, level, part.keys.partition))
  const [, consumer, idleMs, count] = lease ?? []
  const deliveries = count === undefined ? undefined : deliveriesOf(count)
  const found = { id: id ?? '', level, job, entryId, consumer, idleMs, deliveries }
  return view(lease === undefined ? 'ready' : 'leased', found)
}

type Place = 'dueAt' | 'entryId' | 'consumer' | 'idleMs' | 'deliveries'

function view(state: JobState, found: layout.Envelope & Partial<Pick<JobView, Place>>): JobView {
  const { id, level, job, dueAt, entryId, consumer, idleMs, deliveries } = found
  return {
    state,
    id,
    name: job?.name ?? '',
    data: layout.readJson(job?.data),
    priority: priorityOf(level),
    failures: job?.meta.failures ?? 0,
    dueAt,
    entryId,
    consumer,
    idleMs,
    deliveries,
  }
}
