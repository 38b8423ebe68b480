import { enqueue, type Entry } from '../redis/enqueue.ts'
import { checkAtLeast, checkMembers, checkWhole, QueueError } from '../model/errors.ts'
import type { Evidence, Failure, FailureCause, Meta } from '../model/job.ts'
import { decodeFields, isEntryId, readJson } from '../redis/layout.ts'
import { timeOf } from '../model/fence.ts'
import { isPriority, levelOf, type Priority } from '../model/levels.ts'
import type { Members } from '../model/members.ts'
import type { QueuePartition } from '../redis/partition.ts'
import { pause } from '../async/loop.ts'

/** A job that was given up, with what led to it. */
export interface DeadLetter {
  /** Id of the dead letter, for `peek`, `redrive` and `delete`. */
  readonly letterId: string
  /** Id of the job. */
  readonly id: string
  /** Name of the job, '' when its entry could not be read. */
  readonly name: string
  /** The job's data; undefined when it could not be decoded, then `fields` holds what there was. */
  readonly data: unknown
  /** Priority of the job; a redriven one keeps it. */
  readonly priority: Priority
  /** Why it was given up. */
  readonly cause: FailureCause
  /** Text of the last error. */
  readonly error: string
  /** Failed attempts. */
  readonly failures: number
  /** Deliveries that ended without a word from their worker. */
  readonly crashes: number
  /** Epoch milliseconds; undefined when unknown. */
  readonly enqueuedAt: number | undefined
  /** When it became a dead letter, epoch milliseconds by the server's clock. */
  readonly deadAt: number
  /** The last failures, oldest first. */
  readonly history: readonly Failure[]
  /** Worker that gave it up. */
  readonly worker: string
  /** How often the job came back from the dead letters before. */
  readonly redrives: number
  /** The raw fields of the entry. */
  readonly fields: Readonly<Record<string, string>>
}

/** Which dead letters: by letter ids, or those a filter accepts. */
export interface RedriveOptions {
  /** Only these letters. @default all */
  readonly letterIds?: readonly string[]
  /** Only letters this accepts. @default all */
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
  /** Letters left alone: a job of their id is alive or done, they could not be decoded, or somebody else took them. */
  readonly skipped: number
}

/** The dead-letter queue. */
export interface DeadLetters {
  /** A page of dead letters, oldest first. `after`: `letterId` of the last page's last letter. @default count 100 */
  deadLetters(page?: { readonly after?: string | undefined; readonly count?: number }): Promise<DeadLetter[]>
  /** One dead letter, or undefined. */
  peekDeadLetter(letterId: string): Promise<DeadLetter | undefined>
  /**
   * Makes dead letters ready again, with fresh counts and their origin noted. Each letter is taken in the step
   * that adds its job, so redrives that run side by side or are repeated add no job twice.
   * @throws {QueueError} `QUEUE_FULL`: the letters that are left stay where they are
   */
  redrive(options?: RedriveOptions): Promise<Redriven>
  /** Deletes dead letters for good; returns how many there were. */
  deleteDeadLetters(letterIds: readonly string[]): Promise<number>
}

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

type Entries = [id: string, fields: string[]][]

/** The dead-letter verbs of a queue. */
export function createDeadLetters(
  queue: string,
  parts: readonly QueuePartition[],
  maxLength: number,
): DeadLetters {
  const single = parts.length === 1
  const letterIdOf = (part: QueuePartition, entryId: string): string =>
    single ? entryId : `${entryId}.${part.index}`

  function locate(letterId: string): { part: QueuePartition; entryId: string } | undefined {
    const [, entryId, partition = '0'] = /^(\d+-\d+)(?:\.(\d{1,9}))?$/.exec(letterId) ?? []
    const part = parts[Number(partition)]
    return part === undefined || entryId === undefined || !isEntryId(entryId) ? undefined : { part, entryId }
  }

  async function page(part: QueuePartition, from: string, count: number, to = '+'): Promise<DeadLetter[]> {
    const entries = await part.connection.send<Entries>([
      'XRANGE',
      part.keys.dlq,
      from,
      to,
      'COUNT',
      String(count),
    ])
    return entries.map(([entryId, fields]) => toLetter(letterIdOf(part, entryId), entryId, fields))
  }

  async function peekDeadLetter(letterId: string): Promise<DeadLetter | undefined> {
    const place = locate(letterId)
    if (place === undefined) return undefined
    const [letter] = await page(place.part, place.entryId, 1)
    return letter?.letterId === letterId ? letter : undefined
  }

  async function* walk(letterIds: readonly string[] | undefined): AsyncGenerator<DeadLetter[]> {
    if (letterIds !== undefined) {
      for (let from = 0; from < letterIds.length; from += PAGE) {
        const letters = await Promise.all(letterIds.slice(from, from + PAGE).map(peekDeadLetter))
        yield letters.filter((letter) => letter !== undefined)
      }
      return
    }
    for (const part of parts) {
      // Those that die again meanwhile are not met again, or a redrive might never end.
      const newest = await part.connection.send<Entries>(['XREVRANGE', part.keys.dlq, '+', '-', 'COUNT', '1'])
      const to = newest[0]?.[0]
      let from = '-'
      while (to !== undefined) {
        const letters = await page(part, from, PAGE, to)
        if (letters.length > 0) yield letters
        const last = letters.at(-1)
        if (last === undefined || letters.length < PAGE) break
        from = `(${locate(last.letterId)?.entryId}`
      }
    }
  }

  async function redrivePage(letters: readonly DeadLetter[]): Promise<number> {
    let redriven = 0
    for (const part of parts) {
      const entries = letters.flatMap((letter) => {
        const place = locate(letter.letterId)
        const entry = place?.part === part ? toEntry(letter, place.entryId) : undefined
        return entry === undefined ? [] : [entry]
      })
      if (entries.length === 0) continue
      const replies = await enqueue(part.connection, part.keys, part.fixed, maxLength, entries)
      redriven += replies.filter((reply) => reply === '+').length
      if (replies.includes('!'))
        throw new QueueError(
          'QUEUE_FULL',
          `Queue "${queue}" is full: the remaining dead letters stay where they are`,
        )
    }
    return redriven
  }

  return {
    async deadLetters(options = {}) {
      checkMembers('deadLetters', options, PAGE_OPTIONS)
      const { after, count = PAGE } = options
      checkWhole('count', count, 0, Number.MAX_SAFE_INTEGER)
      const place = after === undefined ? undefined : locate(after)
      const letters: DeadLetter[] = []
      for (const part of parts.slice(place?.part.index ?? 0)) {
        if (letters.length >= count) break
        const from = part === place?.part ? `(${place.entryId}` : '-'
        for (const letter of await page(part, from, count - letters.length)) letters.push(letter)
      }
      return letters
    },
    peekDeadLetter,
    async redrive(options = {}) {
      checkMembers('redrive', options, REDRIVE_OPTIONS)
      const { letterIds, filter = () => true, ratePerSecond = Infinity, limit = Infinity, signal } = options
      checkPace(limit, ratePerSecond)
      const began = performance.now()
      // Under a rate a tenth of a second's worth at a time, so that they come evenly.
      const step = Math.min(PAGE, Math.max(1, Math.floor(ratePerSecond / 10)))
      let redriven = 0
      let skipped = 0
      for await (const letters of walk(letterIds)) {
        const chosen = letters.filter(filter)
        while (chosen.length > 0) {
          if (redriven >= limit || signal?.aborted === true) return { redriven, skipped }
          const some = chosen.splice(0, Math.min(step, limit - redriven))
          const done = await redrivePage(some)
          redriven += done
          skipped += some.length - done
          const aheadMs = (redriven / ratePerSecond) * 1_000 - (performance.now() - began)
          if (aheadMs > 0) await pause(aheadMs, signal ?? new AbortController().signal)
        }
      }
      return { redriven, skipped }
    },
    async deleteDeadLetters(letterIds) {
      let deleted = 0
      for (const part of parts) {
        const ids = letterIds.map(locate).flatMap((place) => (place?.part === part ? [place.entryId] : []))
        for (let from = 0; from < ids.length; from += PAGE)
          deleted += await part.connection.send<number>([
            'XDEL',
            part.keys.dlq,
            ...ids.slice(from, from + PAGE),
          ])
      }
      return deleted
    },
  }
}

/** @throws {QueueError} `INVALID_OPTIONS` */
function checkPace(limit: number, ratePerSecond: number): void {
  if (limit !== Infinity) checkWhole('limit', limit, 0, Number.MAX_SAFE_INTEGER)
  if (checkAtLeast('ratePerSecond', ratePerSecond, 0) === 0)
    throw new QueueError('INVALID_OPTIONS', 'ratePerSecond must be above 0, got 0')
}

/** What is said of a letter that has no evidence: somebody else wrote it. */
const NO_EVIDENCE: Evidence = {
  id: '',
  cause: 'undecodable',
  error: '',
  failures: 0,
  crashes: 0,
  priority: 'default',
  history: [],
  worker: '',
}

function toLetter(letterId: string, entryId: string, list: readonly string[]): DeadLetter {
  const fields: Record<string, string> = {}
  for (let i = 0; i + 1 < list.length; i += 2) fields[list[i] ?? ''] = list[i + 1] ?? ''
  const found = readJson(fields['e'])
  const evidence = { ...NO_EVIDENCE, enqueuedAt: undefined, ...(found as Partial<Evidence> | undefined) }
  return {
    ...evidence,
    priority: isPriority(evidence.priority) ? evidence.priority : 'default',
    letterId,
    name: fields['n'] ?? '',
    data: readJson(fields['d']),
    deadAt: timeOf(entryId),
    redrives: decodeFields(list, 1)?.meta.redrives ?? 0,
    fields,
  }
}

/** The job of a letter with fresh counts; undefined when the letter cannot become a job. */
function toEntry(letter: DeadLetter, entryId: string): Entry | undefined {
  const stored = decodeFields(Object.entries(letter.fields).flat(), levelOf(letter.priority))
  if (stored === undefined || letter.id === '' || letter.data === undefined) return undefined
  const { failures: _failures, crashes: _crashes, history: _history, ...kept } = stored.meta
  const meta: Meta = {
    ...kept,
    ...(letter.enqueuedAt === undefined ? {} : { enqueuedAt: letter.enqueuedAt }),
    id: letter.id,
    redrives: letter.redrives + 1,
    origin: letter.letterId,
  }
  return {
    level: stored.level,
    name: stored.name,
    data: stored.data,
    full: {
      id: letter.id,
      dedupe: meta.dedupe === 1,
      due: '',
      orderingKey: meta.orderingKey ?? '',
      meta: JSON.stringify(meta),
      letter: entryId,
    },
  }
}
