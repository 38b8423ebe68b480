import { pause } from '../async/loop.ts'
import { checkAtLeast, checkMembers, checkWhole, invalidOptions, QueueError } from '../model/errors.ts'
import { timeOf } from '../model/fence.ts'
import { isKey, type Evidence, type Meta } from '../model/job.ts'
import { isPriority, levelOf } from '../model/levels.ts'
import type { Members } from '../model/members.ts'
import { enqueue, type Entry } from '../redis/enqueue.ts'
import { decodeFields, isEntryId, readFields, readJson, type Entries } from '../redis/layout.ts'
import type { QueuePartition } from '../redis/partition.ts'
import { StreamReader } from '../redis/streams.ts'
import type { QueueContext } from './enqueuer.ts'

/** A job that was given up, and what led to it. */
export interface DeadLetter extends Evidence {
  /** Id of the dead letter, for `peek`, `redrive` and `delete`. */
  readonly letterId: string
  /** Name of the job, '' when its entry could not be read. */
  readonly name: string
  /** The job's data; undefined when it could not be decoded, then `fields` holds what there was. */
  readonly data: unknown
  /** When it became a dead letter, epoch milliseconds by the server's clock. */
  readonly deadAt: number
  /** How often the job was redriven before. */
  readonly redrives: number
  /** The raw fields of the entry. */
  readonly fields: Readonly<Record<string, string>>
}

/** Which dead letters to redrive: by `letterId`, or those that a filter accepts. */
export interface RedriveOptions {
  /** Only these dead letters. @default all */
  readonly letterIds?: readonly string[]
  /** Only dead letters that this accepts. @default all */
  readonly filter?: (letter: DeadLetter) => boolean
  /** Most jobs a second. @default no limit */
  readonly ratePerSecond?: number
  /** Stop after so many. @default no limit */
  readonly limit?: number
  /** Ends the run between two steps; what was redriven stays so. @default none */
  readonly signal?: AbortSignal
}

/** What a redrive did. */
export interface Redriven {
  /** Jobs that are ready again. */
  readonly redriven: number
  /** Dead letters left in place: a job of their id is alive or done, or they could not be decoded; or already gone. */
  readonly skipped: number
}

/** The dead-letter queue. */
export interface DeadLetters {
  /** A page of dead letters, oldest first. `after`: `letterId` of the last one of the page before. @default count 100 */
  deadLetters(page?: { readonly after?: string | undefined; readonly count?: number }): Promise<DeadLetter[]>
  /** One dead letter, or undefined. */
  peekDeadLetter(letterId: string): Promise<DeadLetter | undefined>
  /**
   * Makes dead letters ready again, with fresh counts and their origin noted. One step takes a dead letter and adds its
   * job, so redrives that run side by side or are repeated add no job twice.
   * @throws {QueueError} `QUEUE_FULL`: the remaining dead letters stay where they are
   */
  redrive(options?: RedriveOptions): Promise<Redriven>
  /** Deletes dead letters for good; returns how many there were. */
  deleteDeadLetters(letterIds: readonly string[]): Promise<number>
}

/** Dead letters that are read, redriven or deleted at a time. */
const PAGE = 100
const PAGE_OPTIONS: Members<NonNullable<Parameters<DeadLetters['deadLetters']>[0]>> = {
  after: true,
  count: true,
}
const REDRIVE_OPTIONS: Members<RedriveOptions> = {
  letterIds: true,
  filter: true,
  ratePerSecond: true,
  limit: true,
  signal: true,
}

/** Opens the dead-letter queue of a queue. */
export function createDeadLetters(context: QueueContext): DeadLetters {
  const { parts } = context
  return {
    async deadLetters(options = {}) {
      checkMembers('deadLetters', options, PAGE_OPTIONS)
      const { after, count = PAGE } = options
      checkWhole('count', count, 0)
      const place = after === undefined ? undefined : locate(parts, after)
      const page: DeadLetter[] = []
      for (const part of place === undefined ? parts : parts.slice(parts.indexOf(place.part))) {
        if (page.length >= count) break
        const from = part === place?.part ? `(${place.entryId}` : '-'
        const entries = await readerOf(part).range(from, '+', count - page.length)
        for (const entry of entries) page.push(toDeadLetter(part, entry))
      }
      return page
    },
    peekDeadLetter: (letterId) => peek(parts, letterId),
    async redrive(options = {}) {
      checkMembers('redrive', options, REDRIVE_OPTIONS)
      const { letterIds, filter = () => true, ratePerSecond = Infinity, limit = Infinity, signal } = options
      checkPace(limit, ratePerSecond)
      const startedAt = performance.now()
      // Under a rate a tenth of a second's worth at a time, so that they come evenly.
      const step = Math.min(PAGE, Math.max(1, Math.floor(ratePerSecond / 10)))
      let redriven = 0
      let skipped = 0
      for await (const page of walk(parts, letterIds)) {
        const chosen = page.filter(filter)
        while (chosen.length > 0) {
          if (redriven >= limit || signal?.aborted === true) return { redriven, skipped }
          const some = chosen.splice(0, Math.min(step, limit - redriven))
          const done = await redrivePage(context, some)
          redriven += done
          skipped += some.length - done
          const aheadMs = (redriven / ratePerSecond) * 1_000 - (performance.now() - startedAt)
          if (aheadMs > 0) await pause(aheadMs, signal ?? new AbortController().signal)
        }
      }
      return { redriven, skipped }
    },
    async deleteDeadLetters(letterIds) {
      let deleted = 0
      const places = letterIds.map((letterId) => locate(parts, letterId))
      for (const part of parts) {
        const ids = places.flatMap((place) => (place?.part === part ? [place.entryId] : []))
        for (let from = 0; from < ids.length; from += PAGE) {
          const args = ['XDEL', part.keys.dlq, ...ids.slice(from, from + PAGE)]
          deleted += await part.connection.send<number>(args)
        }
      }
      return deleted
    },
  }
}

/** @throws {QueueError} `INVALID_OPTIONS` */
function checkPace(limit: number, ratePerSecond: number): void {
  if (limit !== Infinity) checkWhole('limit', limit, 0)
  if (checkAtLeast('ratePerSecond', ratePerSecond, 0) === 0)
    throw invalidOptions('ratePerSecond must be above 0, got 0')
}

const readerOf = ({ connection, keys }: QueuePartition): StreamReader =>
  new StreamReader(connection, keys.dlq)

/** Finds the partition and entry of a dead letter; undefined when it is not the id of one. */
function locate(parts: readonly QueuePartition[], letterId: string) {
  const [, entryId, partition = '0'] = /^(\d+-\d+)(?:\.(\d{1,9}))?$/.exec(letterId) ?? []
  const part = parts[Number(partition)]
  return part === undefined || entryId === undefined || !isEntryId(entryId) ? undefined : { part, entryId }
}

async function peek(parts: readonly QueuePartition[], letterId: string): Promise<DeadLetter | undefined> {
  const place = locate(parts, letterId)
  if (place === undefined) return undefined
  const [entry] = await readerOf(place.part).entries([place.entryId])
  const deadLetter = entry && toDeadLetter(place.part, entry)
  return deadLetter?.letterId === letterId ? deadLetter : undefined
}

async function* walk(parts: readonly QueuePartition[], letterIds: readonly string[] | undefined) {
  if (letterIds === undefined) return yield* walkAll(parts)
  for (let from = 0; from < letterIds.length; from += PAGE) {
    const some = letterIds.slice(from, from + PAGE)
    const page = await Promise.all(some.map((letterId) => peek(parts, letterId)))
    yield page.filter((deadLetter) => deadLetter !== undefined)
  }
}

async function* walkAll(parts: readonly QueuePartition[]) {
  for (const part of parts) {
    const { connection, keys } = part
    const [newest] = await connection.send<Entries>(['XREVRANGE', keys.dlq, '+', '-', 'COUNT', '1'])
    if (newest === undefined) continue
    // Up to the newest of now: those that die again meanwhile would keep a redrive going for good.
    for await (const page of readerOf(part).pages(PAGE, newest[0]))
      yield page.map((entry) => toDeadLetter(part, entry))
  }
}

/** Adds the jobs of some dead letters. Returns how many were added. @throws {QueueError} `QUEUE_FULL` */
async function redrivePage(context: QueueContext, page: readonly DeadLetter[]): Promise<number> {
  const { queue, parts, maxLength } = context
  let redriven = 0
  for (const part of parts) {
    const entries = page.flatMap((deadLetter) => {
      const place = locate(parts, deadLetter.letterId)
      return place?.part === part ? (toEntry(deadLetter, place.entryId) ?? []) : []
    })
    if (entries.length === 0) continue
    const replies = await enqueue(part, maxLength, entries)
    redriven += replies.filter((reply) => reply === '+').length
    if (replies.includes('!'))
      throw new QueueError(
        'QUEUE_FULL',
        `Queue "${queue}" is full: the other dead letters stay where they are`,
      )
  }
  return redriven
}

/** Stands for the evidence that a dead letter written by hand does not have. */
const NO_EVIDENCE: Evidence = {
  id: '',
  cause: 'undecodable',
  error: '',
  failures: 0,
  crashes: 0,
  priority: 'default',
  enqueuedAt: undefined,
  history: [],
  worker: '',
}

function toDeadLetter({ keys }: QueuePartition, [entryId, list]: Entries[number]): DeadLetter {
  const fields = readFields(list)
  const evidence = { ...NO_EVIDENCE, ...(readJson(fields['e']) as Evidence | undefined) }
  return {
    ...evidence,
    id: isKey(evidence.id) ? evidence.id : '',
    priority: isPriority(evidence.priority) ? evidence.priority : 'default',
    letterId: keys.partition === undefined ? entryId : `${entryId}.${keys.partition}`,
    name: fields['n'] ?? '',
    data: readJson(fields['d']),
    deadAt: timeOf(entryId),
    redrives: decodeFields(list, 1)?.meta.redrives ?? 0,
    fields,
  }
}

/** Makes the job of a dead letter with fresh counts; undefined when it cannot become one. */
function toEntry(deadLetter: DeadLetter, entryId: string): Entry | undefined {
  const { id, enqueuedAt, redrives, letterId, priority } = deadLetter
  const stored = decodeFields(Object.entries(deadLetter.fields).flat(), levelOf(priority))
  if (stored === undefined || id === '' || deadLetter.data === undefined) return undefined
  const { failures: _failures, crashes: _crashes, history: _history, ...kept } = stored.meta
  const known = enqueuedAt === undefined ? kept : { ...kept, enqueuedAt }
  const meta: Meta = { ...known, id, redrives: redrives + 1, origin: letterId }
  const { level, name, data } = stored
  const { orderingKey = '', dedupe } = meta
  const full = { id, dedupe: dedupe === 1, due: '', orderingKey, meta: JSON.stringify(meta), letter: entryId }
  return { level, name, data, full }
}
