import * as broker from '../redis/commands.ts'
import { openConnection, type Connection, type RedisClient } from '../redis/connection.ts'
import type { OnEvent } from '../model/events.ts'
import type { Held } from './held-lease.ts'
import type { Keys } from '../redis/keys.ts'
import { createLane, type Lane } from './lease-table.ts'
import { createPicker, LEVELS, type Level } from '../model/levels.ts'
import { pause } from '../async/loop.ts'
import type { ResolvedWorker } from '../model/options.ts'
import { promoteDue } from './promoter.ts'
import { isNoGroup } from '../redis/replies.ts'
import { checkServer } from '../redis/server-check.ts'

/** What a worker's reader, promoter, recoverer and renewer do in the background, done when a consumer asks for it. */
export interface Claimer {
  readonly lane: Lane
  /** Claims up to `count` jobs, waiting up to `blockMs` for the first. Calls must not overlap. */
  claim(count: number, blockMs: number): Promise<Held[]>
  /** Starts the visibility timeout of leases anew; answers those that are still held. */
  renew(leases: readonly Held[]): Promise<Held[]>
  /** Ends the wait of a claim under way, which then claims nothing. */
  interrupt(): void
  /** Stores what is being settled, forgets the consumer and closes the connections. Call when no claim is under way. */
  close(): Promise<void>
}

/** What a claimer needs to know. */
export interface ClaimerContext {
  readonly redis: RedisClient
  readonly settings: ResolvedWorker
  readonly keys: Keys
  readonly partition: number
  readonly consumer: string
  readonly emit: OnEvent
}

/** A server that does not answer must not hold back the end: what is not stored by then is left to lapse. */
const STORE_WITHIN_MS = 5_000
/** How often a consumer that claims notes that it is alive, in milliseconds. */
const BEAT_EVERY_MS = 5_000
const SCAN_START = ['-', '-', '-']

/** Opens a claimer: checks the server, makes the consumer group. @throws {QueueError} `UNSUPPORTED_SERVER`, `INVALID_OPTIONS` */
export async function openClaimer(context: ClaimerContext): Promise<Claimer> {
  const { redis, settings, keys, emit } = context
  const connect = (): Promise<Connection> =>
    openConnection(redis, keys.dlq, (error) => emit({ type: 'error', error, during: 'connect' }))
  const commands = await connect()
  try {
    for (const message of await checkServer(commands, settings.allowEviction))
      emit({ type: 'warning', message })
    await broker.createGroup(commands, keys, settings.group)
    return createClaimer(context, commands, await connect())
  } catch (error) {
    await commands.close()
    throw error
  }
}

function createClaimer(context: ClaimerContext, commands: Connection, reading: Connection): Claimer {
  const { settings, keys, partition, consumer, emit } = context
  const part = { index: partition, keys, fixed: broker.fixedKeys(keys), connection: commands }
  const owner = { ...settings, consumer }
  const lane = createLane(part, owner, settings, emit, settings.partitions === 1)
  const pick = createPicker(settings.weights)
  const stop = new AbortController()
  const scanEveryMs = Math.min(5_000, settings.visibilityMs / 5)
  let cursors = SCAN_START
  let scannedAt = performance.now()
  let blockedId: string | undefined
  let beatAt = -Infinity

  /** Takes released jobs at once, and every now and then a page of those whose consumer let them lapse. */
  async function recover(count: number): Promise<void> {
    const now = performance.now()
    if (cursors.every((cursor) => cursor === '+') && now - scannedAt > scanEveryMs) cursors = SCAN_START
    if (cursors === SCAN_START) scannedAt = now
    // A lease that its holder neither renewed nor settled in time must not stay ours for good.
    for (const held of lane.held.values())
      if (!held.settling && now - held.renewedAt > held.visibilityMs) lane.lose(held)
    const reply = await broker.reclaim(commands, keys, owner, count, cursors, lane.lastChance())
    cursors = reply.cursors
    if (reply.isGroupMissing && (await broker.createGroup(commands, keys, settings.group)))
      emit({ type: 'groupCreated', queue: keys.base })
    if (reply.gone.length > 0) emit({ type: 'entriesVanished', entryIds: reply.gone })
    lane.releaseOrphans(reply.own)
    if (reply.taken.length > 0) await lane.acceptReclaimed(reply.taken, now)
  }

  /** One level after the other, the first chosen by weight, so that no level starves over many claims. */
  async function readReady(count: number): Promise<void> {
    const tried = new Set<Level>()
    while (lane.buffer.size < count && tried.size < LEVELS.length) {
      const level = pick((candidate) => !tried.has(candidate))
      tried.add(level)
      const claimed = await broker.read(reading, keys, owner, [level], count - lane.buffer.size, 0)
      await lane.accept(claimed.flat(), performance.now())
    }
  }

  async function readBlocking(count: number, blockMs: number): Promise<void> {
    blockedId = await reading.id()
    if (stop.signal.aborted) return
    try {
      const claimed = await broker.read(reading, keys, owner, LEVELS, count, Math.ceil(blockMs))
      await lane.accept(claimed.flat(), performance.now())
    } finally {
      blockedId = undefined
    }
  }

  async function beat(): Promise<void> {
    if (performance.now() - beatAt < BEAT_EVERY_MS) return
    beatAt = performance.now()
    try {
      await broker.beat(commands, keys, consumer)
    } catch (error) {
      emit({ type: 'error', error, during: 'heartbeat' })
    }
  }

  async function fill(count: number, until: number): Promise<void> {
    await beat()
    const idleMs = Math.max(1, await promoteDue(lane))
    const waitMs = (): number => Math.min(idleMs, until - performance.now())
    if (lane.pausing.isPaused) return pause(Math.max(0, waitMs()), stop.signal)
    await recover(count)
    await readReady(count)
    if (lane.buffer.size === 0 && waitMs() > 0) await readBlocking(count, waitMs())
  }

  async function renew(leases: readonly Held[]): Promise<Held[]> {
    if (leases.length === 0) return []
    const sentAt = performance.now()
    const { lost, paused } = await broker.renew(
      commands,
      keys,
      owner,
      leases.map(({ level, entryId, deliveryCount, visibilityMs }) => {
        return { level, entryId, deliveryCount, idleMs: Math.max(0, settings.visibilityMs - visibilityMs) }
      }),
    )
    lane.pausing.answer(paused, sentAt)
    for (const index of lost) {
      const held = leases[index]
      if (held !== undefined && !held.settling) lane.lose(held)
    }
    const kept = leases.filter((_held, index) => !lost.includes(index))
    for (const held of kept) held.renewedAt = sentAt
    return kept
  }

  /** The server lets a new entry idle for the queue's timeout; a job with a shorter one says so by its first renewal. */
  async function withShortLeasesRenewed(claimed: Held[]): Promise<Held[]> {
    await renew(claimed.filter((held) => held.visibilityMs < settings.visibilityMs))
    return claimed.filter((held) => !held.lost)
  }

  return {
    lane,
    renew,
    async claim(count, blockMs) {
      const until = performance.now() + blockMs
      for (;;) {
        try {
          await fill(count, until)
        } catch (error) {
          if (!isNoGroup(error)) throw error
          if (await broker.createGroup(commands, keys, settings.group))
            emit({ type: 'groupCreated', queue: keys.base })
          continue
        }
        const claimed = lane.buffer.drain()
        // A read of three streams may bring `count` of each.
        const wanted = stop.signal.aborted ? [] : claimed.splice(0, count)
        for (const held of claimed) lane.release(held)
        const leases = await withShortLeasesRenewed(wanted)
        if (leases.length > 0 || stop.signal.aborted || performance.now() >= until) return leases
      }
    },
    interrupt() {
      stop.abort()
      // Lost when the read is on its way to the server only now: then the wait ends with its slice.
      if (blockedId !== undefined)
        commands.send(['CLIENT', 'UNBLOCK', blockedId]).catch((error: unknown) => {
          emit({ type: 'error', error, during: 'stop' })
        })
    },
    async close() {
      // Closing rejects what is under way, so whatever is waited for here ends.
      const timer = setTimeout(() => void commands.close(), STORE_WITHIN_MS)
      try {
        lane.releaseBuffered()
        await lane.idle()
        await Promise.all([
          broker.forgetBeat(commands, keys, consumer),
          broker.forgetConsumers(commands, keys, settings.group, consumer, Number.MAX_SAFE_INTEGER),
        ])
      } finally {
        clearTimeout(timer)
        await Promise.all([commands.close(), reading.close()])
      }
    },
  }
}
