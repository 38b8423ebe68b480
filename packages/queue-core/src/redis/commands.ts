import { QueueError } from '../model/errors.ts'
import type { Fence } from '../model/fence.ts'
import type { StoredJob } from '../model/job.ts'
import { LEVELS, type Level } from '../model/levels.ts'
import { defaults, type DeadLetterBounds } from '../model/options.ts'
import { readMany } from './chunks.ts'
import { decodeFields, levelNumber, readLevel, type Entries } from './layout.ts'
import type { QueuePartition } from './partition.ts'
import { isOutOfMemory, readStreams, type StreamsReply } from './replies.ts'
import { runScript } from './scripts.ts'
import { packBounds } from './settle.ts'

/** Who claims: its consumer group and its name in Redis. */
interface Member {
  readonly group: string
  readonly consumer: string
}

interface Claimer extends Member {
  readonly visibilityMs: number
}

/** A claimed entry: plain data, renewed and settled through its consumer. */
export interface Claimed extends Fence {
  readonly level: Level
  /** Undefined when the entry is not in the format of a job. */
  readonly job: StoredJob | undefined
  /** The raw fields of the entry, for dead letters that could not be decoded. */
  readonly fields: readonly string[]
}

/** A reclaimed entry and the consumer that held it. */
export interface Reclaimed extends Claimed {
  readonly from: string
}

/** An entry of this consumer that it may not hold. */
export interface Orphan extends Fence {
  readonly level: Level
  readonly idleMs: number
}

/** Renews leases. Returns the positions of those that are lost. */
export async function renew(
  part: QueuePartition,
  { group, consumer, visibilityMs }: Claimer,
  leases: readonly Orphan[],
): Promise<{ readonly lost: number[]; readonly paused: boolean }> {
  const args = [group, consumer]
  for (const { level, entryId, deliveryCount, idleMs } of leases)
    args.push(levelNumber(level), entryId, String(deliveryCount), String(idleMs))
  // A lost reply must show while there is time to try again before the leases run out.
  const replyWithinMs = Math.min(defaults.replyWithinMs, Math.max(1_000, visibilityMs / 5))
  const [paused, ...lost] = await runScript<number[]>(part, 'renew', args, { replyWithinMs })
  return { lost, paused: paused === 1 }
}

type ReclaimReply = [
  cursors: string[],
  taken: [level: number, id: string, count: number, from: string, fields: string[]][],
  own: [level: number, id: string, count: number, idleMs: number][],
  gone: string[],
  missing: number,
]

/** What a pass of {@link reclaim} found. */
interface ReclaimResult {
  readonly cursors: string[]
  readonly taken: Reclaimed[]
  readonly own: Orphan[]
  /** Ids of entries whose content is gone. */
  readonly gone: string[]
  /** The group of a level is missing; the others were looked at. */
  readonly isGroupMissing: boolean
}

/** The reply that delivers an entry comes within this time, in milliseconds, or never. */
const ORPHANED_AFTER_MS = defaults.replyWithinMs + 5_000

/**
 * Reclaims up to `count` entries that were released or whose lease expired, from `cursors` on, but at most one on its
 * last chance; see reclaim.lua.
 */
export async function reclaim(
  part: QueuePartition,
  { group, consumer, visibilityMs }: Claimer,
  count: number,
  cursors: readonly string[],
  lastChance: { readonly crashes: number; readonly mayTake: boolean },
): Promise<ReclaimResult> {
  const orphanedMs = Math.min(visibilityMs, ORPHANED_AFTER_MS)
  const args = [group, consumer, String(visibilityMs), String(count), ...cursors]
  args.push(String(orphanedMs), String(lastChance.crashes), lastChance.mayTake ? '1' : '0')
  const [next, taken, own, gone, missing] = await runScript<ReclaimReply>(part, 'reclaim', args)
  return {
    cursors: next,
    taken: taken.map(([number, entryId, deliveryCount, from, fields]) => {
      const level = readLevel(number)
      return { level, entryId, deliveryCount, from, fields, job: decodeFields(fields, level) }
    }),
    own: own.map(([number, entryId, deliveryCount, idleMs]) => {
      return { level: readLevel(number), entryId, deliveryCount, idleMs }
    }),
    gone,
    isGroupMissing: missing === 1,
  }
}

/** Claims new entries of some levels, `count` of each (XREADGROUP); with a `blockMs` of 0 without waiting. */
export async function read(
  { connection, keys }: QueuePartition,
  { group, consumer }: Member,
  levels: readonly Level[],
  count: number,
  blockMs: number,
): Promise<Claimed[][]> {
  const streams = levels.map((level) => keys.streams[level])
  const args = ['XREADGROUP', 'GROUP', group, consumer, 'COUNT', String(count)]
  if (blockMs > 0) args.push('BLOCK', String(blockMs))
  args.push('STREAMS', ...streams, ...streams.map(() => '>'))
  const options = { replyWithinMs: blockMs * 2 + 5_000 }
  const byStream = readStreams(await connection.send<StreamsReply<Entries>>(args, options))
  return LEVELS.map((level) =>
    (byStream[keys.streams[level]] ?? []).map(([entryId, fields]: [string, string[] | null]) => {
      const job = fields === null ? undefined : decodeFields(fields, level)
      return { entryId, deliveryCount: 1, level, fields: fields ?? [], job }
    }),
  )
}

/** Whether a level's stream has entries, claimed ones included. Fails where its group is missing, as a read would. */
export async function hasEntries(part: QueuePartition, group: string, level: Level): Promise<boolean> {
  const { connection, keys } = part
  const stream = keys.streams[level]
  const [length] = await Promise.all([
    connection.send<number>(['XLEN', stream]),
    connection.send(['XPENDING', stream, group, '-', '+', '1']),
  ])
  return length > 0
}

/** Finds the ids that are marked as done. */
export async function doneIds(part: QueuePartition, ids: readonly string[]): Promise<Set<string>> {
  const marks = await readMany(part.connection, ['MGET'], ids.map(part.keys.processed))
  return new Set(ids.filter((_id, index) => marks[index] !== null))
}

/**
 * Creates the group on every stream, unless another group works the queue. Returns whether it was missing.
 * @throws {QueueError} `INVALID_OPTIONS` a second group: entries are deleted when they are done, so it would miss or
 * repeat jobs
 */
export async function createGroup(part: QueuePartition, group: string): Promise<boolean> {
  const [missing, other] = await runScript<[number, string]>(part, 'group', [group])
  if (other === '') return missing === 1
  throw new QueueError(
    'INVALID_OPTIONS',
    `The queue is worked by group "${other}"; a second group "${group}" would run every job twice. ` +
      `Use the group "${other}", or remove it with XGROUP DESTROY when no worker of it is left`,
  )
}

/** What moving due jobs did. Times in epoch milliseconds by the server's clock. */
export interface Promoted {
  /** Jobs that were due, at most as many as were asked for. */
  readonly moved: number
  readonly nextDueAt: number | undefined
  readonly nextSlotAt: number | undefined
  readonly now: number
  readonly paused: boolean
  /** Ids of jobs that could not be read and are dead letters. */
  readonly buried: readonly string[]
  /** Why a job could not be moved, '' when all were. */
  readonly failure: string
  /** Jobs that are due and could not be moved. */
  readonly failed: number
}

type PromoteReply = [
  ...numbers: [moved: number, nextDue: number, now: number, paused: number, nextSlot: number],
  buried: string[],
  failure: string,
  failed: number,
]

/** Moves due jobs to where they are ready, and finds when the next job and the next slot of a recurring job are due. */
export async function promote(part: QueuePartition, count: number): Promise<Promoted> {
  const reply = await runScript<PromoteReply>(part, 'promote', [String(count)])
  const [moved, nextDue, now, paused, nextSlot, buried, failure, failed] = reply
  const nextDueAt = nextDue < 0 ? undefined : nextDue
  const nextSlotAt = nextSlot < 0 ? undefined : nextSlot
  return { moved, nextDueAt, nextSlotAt, now, paused: paused === 1, buried, failure, failed }
}

/**
 * Whether it is this consumer's turn to tidy up: one does so in that time, in milliseconds. A server that is out of
 * memory cannot note whose turn it is; then each consumer tidies up, because jobs that wait behind a deleted one hold
 * memory.
 */
export async function mayTidy(part: QueuePartition, consumer: string, everyMs: number): Promise<boolean> {
  try {
    const args = ['SET', part.keys.tidied, consumer, 'NX', 'PX', String(everyMs)]
    return (await part.connection.send<string | null>(args)) !== null
  } catch (error) {
    if (isOutOfMemory(error)) return true
    throw error
  }
}

/** Starts the next job of each ordering key whose holder was deleted by hand. */
export async function unpark(part: QueuePartition): Promise<void> {
  let from = '-'
  while (from !== '+') from = await runScript<string>(part, 'unpark', [from])
}

/** Deletes the dead letters beyond the bounds. Returns how many. */
export function trimDeadLetters(part: QueuePartition, bounds: DeadLetterBounds): Promise<number> {
  return runScript(part, 'trim', [packBounds(bounds)])
}

/** Takes tokens of the rate limit. */
export async function takeTokens(
  part: QueuePartition,
  { max, perMs }: { readonly max: number; readonly perMs: number },
  wanted: number,
): Promise<{ granted: number; waitMs: number }> {
  const args = [String(max), String(perMs), String(wanted)]
  const [granted = 0, waitMs = 0] = await runScript<number[]>(part, 'take', args)
  return { granted, waitMs }
}

/** Forgets consumers that are idle for `idleMs` and have no pending entries; `leaving` at once. */
export function forgetConsumers(
  part: QueuePartition,
  group: string,
  leaving: string,
  idleMs: number,
): Promise<string[]> {
  return runScript(part, 'janitor', [group, leaving, String(idleMs)])
}

/** How long a worker is remembered after its last heartbeat, in milliseconds. */
const REMEMBERED_MS = 15 * 60_000

/** Notes that a consumer is alive. */
export async function beat(part: QueuePartition, consumer: string): Promise<void> {
  await runScript(part, 'heartbeat', [consumer, String(REMEMBERED_MS)])
}

/** Forgets the heartbeat of a consumer that leaves. */
export async function forgetBeat({ connection, keys }: QueuePartition, consumer: string): Promise<void> {
  await connection.send(['ZREM', keys.workers, consumer])
}

/** What a signal reports to all workers of a queue. */
type Signal = 'paused' | 'resumed' | 'due'

/**
 * Signals all workers of a queue. A missed signal costs at most a second, so old ones are trimmed, and one that a server
 * without memory cannot store fails nothing.
 */
export async function signal(part: QueuePartition, event: Signal, value = ''): Promise<void> {
  const args = ['XADD', part.keys.control, 'MAXLEN', '64', '*', 'e', event, 'v', value]
  await part.connection.send(args).catch((error: unknown) => {
    if (!isOutOfMemory(error)) throw error
  })
}
