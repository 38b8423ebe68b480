import type { Connection } from './connection.ts'
import { QueueError } from '../model/errors.ts'
import type { StoredJob } from '../model/job.ts'
import { decodeFields } from '../model/job.ts'
import { isOutOfMemory } from './replies.ts'
import { streamKeys, type Keys } from './keys.ts'
import type { Delivery, Fence } from '../model/fence.ts'
import { LEVELS, type Level } from '../model/levels.ts'
import { runScript, scripts } from './scripts.ts'
import { defaults } from '../model/options.ts'

/** A taken-over entry. */
export interface Reclaimed extends Delivery {
  readonly level: Level
  readonly from: string
}

/** Every command's time limit. */
export const within: { readonly replyWithinMs: number } = { replyWithinMs: defaults.replyWithinMs }

/** The keys every moving script takes, in the order of `route.lua`. */
export function fixedKeys(keys: Keys): string[] {
  const { delayed, delayedJobs, dlq, live, parked, ordering, sequence, control, slots, paused } = keys
  return [
    ...streamKeys(keys),
    delayed,
    delayedJobs,
    dlq,
    live,
    parked,
    ordering,
    sequence,
    control,
    slots,
    paused,
  ]
}

/** A level as the scripts name it. */
export const scriptLevel = (level: Level): string => String(level + 1)
const fromScript = (level: number): Level => (level === 1 ? 0 : level === 3 ? 2 : 1)

/** A lost reply must show while there is time to try again before the leases run out. */
export async function renew(
  connection: Connection,
  keys: Keys,
  owner: { readonly group: string; readonly consumer: string; readonly visibilityMs: number },
  leases: readonly (Fence & { readonly level: Level; readonly idleMs: number })[],
): Promise<{ readonly lost: number[]; readonly paused: boolean }> {
  const args = [owner.group, owner.consumer]
  for (const { level, entryId, deliveryCount, idleMs } of leases)
    args.push(scriptLevel(level), entryId, String(deliveryCount), String(idleMs))
  const [paused, ...lost] = await runScript<number[]>(
    connection,
    scripts.renew,
    [...streamKeys(keys), keys.paused],
    args,
    { replyWithinMs: Math.min(defaults.replyWithinMs, Math.max(1_000, owner.visibilityMs / 5)) },
  )
  return { lost, paused: paused === 1 }
}

type ReclaimReply = [
  cursors: string[],
  taken: [level: number, id: string, count: number, from: string, fields: string[]][],
  own: [level: number, id: string, count: number, idleMs: number][],
  gone: string[],
  missing: number,
]

/** An entry of this consumer that it may not have in hand. */
export interface Orphan extends Fence {
  readonly level: Level
  readonly idleMs: number
}

/** What a pass of {@link reclaim} found. */
interface ReclaimAnswer {
  readonly cursors: string[]
  readonly taken: Reclaimed[]
  /** Entries of this consumer that it may not have in hand. */
  readonly own: Orphan[]
  /** Ids of entries whose content is gone. */
  readonly gone: string[]
  /** The group of a level is missing; the others were looked at. */
  readonly isGroupMissing: boolean
}

/** The reply that delivers an entry comes within this time, in milliseconds, or never. */
const ORPHANED_AFTER_MS = defaults.replyWithinMs + 5_000

/**
 * Takes over up to `count` entries that were released or have lapsed, from `cursors` on, but at most one on its last
 * chance; see reclaim.lua.
 */
export async function reclaim(
  connection: Connection,
  keys: Keys,
  owner: { readonly group: string; readonly consumer: string; readonly visibilityMs: number },
  count: number,
  cursors: readonly string[],
  lastChance: { readonly crashes: number; readonly mayTake: boolean },
): Promise<ReclaimAnswer> {
  const orphanedMs = Math.min(owner.visibilityMs, ORPHANED_AFTER_MS)
  const args = [
    owner.group,
    owner.consumer,
    String(owner.visibilityMs),
    String(count),
    ...cursors,
    String(orphanedMs),
    String(lastChance.crashes),
    lastChance.mayTake ? '1' : '0',
  ]
  const reply = await runScript<ReclaimReply>(connection, scripts.reclaim, streamKeys(keys), args, within)
  return {
    cursors: reply[0],
    taken: reply[1].map(([number, entryId, deliveryCount, from, fields]) => {
      const level = fromScript(number)
      return { level, entryId, deliveryCount, from, fields, job: decodeFields(fields, level) }
    }),
    own: reply[2].map(([level, entryId, deliveryCount, idleMs]) => ({
      level: fromScript(level),
      entryId,
      deliveryCount,
      idleMs,
    })),
    gone: reply[3],
    isGroupMissing: reply[4] === 1,
  }
}

/** A claimed entry with the level of its stream. */
export interface Claimed extends Delivery {
  readonly level: Level
}

type StreamReply = [key: string, entries: [id: string, fields: string[]][]][]

function toClaimed(entries: readonly [string, string[]][], level: Level): Claimed[] {
  return entries.map(([entryId, fields]) => {
    const job: StoredJob | undefined = fields === null ? undefined : decodeFields(fields, level)
    return { entryId, deliveryCount: 1, level, fields: fields ?? [], job }
  })
}

/** XREADGROUP over some levels, `COUNT` each; `blockMs` 0 answers at once. */
export async function read(
  connection: Connection,
  keys: Keys,
  owner: { readonly group: string; readonly consumer: string },
  levels: readonly Level[],
  count: number,
  blockMs: number,
): Promise<Claimed[][]> {
  const streams = levels.map((level) => keys.streams[level])
  const reply = await connection.send<StreamReply | Record<string, StreamReply[number][1]> | null>(
    [
      'XREADGROUP',
      'GROUP',
      owner.group,
      owner.consumer,
      'COUNT',
      String(count),
      ...(blockMs > 0 ? ['BLOCK', String(blockMs)] : []),
      'STREAMS',
      ...streams,
      ...streams.map(() => '>'),
    ],
    { replyWithinMs: blockMs * 2 + 5_000 },
  )
  const claimed: Claimed[][] = LEVELS.map(() => [])
  if (reply === null) return claimed
  // RESP2 answers with pairs, RESP3 with a map.
  const pairs = Array.isArray(reply) ? reply : Object.entries(reply)
  for (const [key, entries] of pairs) {
    const level = LEVELS.find((candidate) => keys.streams[candidate] === key)
    if (level !== undefined) claimed[level] = toClaimed(entries, level)
  }
  return claimed
}

/** Whether a level's stream has entries, claimed ones included. Fails where its group is missing, as a read would. */
export async function hasEntries(
  connection: Connection,
  keys: Keys,
  group: string,
  level: Level,
): Promise<boolean> {
  const stream = keys.streams[level]
  const [length] = await Promise.all([
    connection.send<number>(['XLEN', stream], within),
    connection.send(['XPENDING', stream, group, '-', '+', '1'], within),
  ])
  return length > 0
}

/** Which of the ids are marked as done. */
export async function doneIds(
  connection: Connection,
  keys: Keys,
  ids: readonly string[],
): Promise<Set<string>> {
  const marks = await connection.send<(string | null)[]>(['MGET', ...ids.map(keys.processed)], within)
  return new Set(ids.filter((_id, index) => marks[index] !== null))
}

/**
 * Makes the group on every stream, unless another group works the queue; answers whether it was missing.
 * @throws {QueueError} `INVALID_OPTIONS` a second group: entries are deleted when they are done, so it would miss or
 * repeat jobs
 */
export async function createGroup(connection: Connection, keys: Keys, group: string): Promise<boolean> {
  const [missing, other] = await runScript<[number, string]>(
    connection,
    scripts.group,
    streamKeys(keys),
    [group],
    within,
  )
  if (other === '') return missing === 1
  throw new QueueError(
    'INVALID_OPTIONS',
    `The queue is worked by group "${other}"; a second group "${group}" would run every job twice. ` +
      `Use the group "${other}", or remove it with XGROUP DESTROY when no worker of it is left`,
  )
}

/** What moving due jobs did. */
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

/** Moves due jobs; tells when the next one and the next slot of a recurring job are due. */
export async function promote(
  connection: Connection,
  fixed: readonly string[],
  count: number,
): Promise<Promoted> {
  const reply = await runScript<PromoteReply>(connection, scripts.promote, fixed, [String(count)], within)
  const [moved, nextDue, now, paused, nextSlot, buried, failure, failed] = reply
  const moment = (at: number): number | undefined => (at < 0 ? undefined : at)
  return {
    moved,
    nextDueAt: moment(nextDue),
    nextSlotAt: moment(nextSlot),
    now,
    paused: paused === 1,
    buried,
    failure,
    failed,
  }
}

/**
 * Whether it is this consumer's turn to tidy up: one does so in that time, in milliseconds. A server that is out of memory
 * cannot note whose turn it is; then each consumer tidies up, because jobs that wait behind a deleted one hold memory.
 */
export async function mayTidy(
  connection: Connection,
  keys: Keys,
  consumer: string,
  everyMs: number,
): Promise<boolean> {
  const args = ['SET', keys.tidied, consumer, 'NX', 'PX', String(everyMs)]
  try {
    return (await connection.send<string | null>(args, within)) !== null
  } catch (error) {
    if (isOutOfMemory(error)) return true
    throw error
  }
}

/** Starts the next job of each ordering key whose holder somebody deleted. */
export async function unpark(connection: Connection, fixed: readonly string[]): Promise<void> {
  let from = '-'
  while (from !== '+') from = await runScript<string>(connection, scripts.unpark, fixed, [from], within)
}

/** Takes tokens of the rate limit. */
export async function takeTokens(
  connection: Connection,
  keys: Keys,
  limit: { readonly max: number; readonly perMs: number },
  wanted: number,
): Promise<{ granted: number; waitMs: number }> {
  const args = [String(limit.max), String(limit.perMs), String(wanted)]
  const [granted = 0, waitMs = 0] = await runScript<number[]>(
    connection,
    scripts.take,
    [keys.rate],
    args,
    within,
  )
  return { granted, waitMs }
}

/** Forgets idle consumers without pending entries; `leaving` at once. */
export function forgetConsumers(
  connection: Connection,
  keys: Keys,
  group: string,
  leaving: string,
  idleMs: number,
): Promise<string[]> {
  return runScript(connection, scripts.janitor, streamKeys(keys), [group, leaving, String(idleMs)], within)
}

/** How long a worker that does not beat any more is remembered, in milliseconds. */
const REMEMBERED_MS = 15 * 60_000

/** Notes that a consumer is alive. */
export async function beat(connection: Connection, keys: Keys, consumer: string): Promise<void> {
  await runScript(connection, scripts.heartbeat, [keys.workers], [consumer, String(REMEMBERED_MS)], within)
}

/** Forgets the heartbeat of a consumer that leaves. */
export async function forgetBeat(connection: Connection, keys: Keys, consumer: string): Promise<void> {
  await connection.send(['ZREM', keys.workers, consumer], within)
}
