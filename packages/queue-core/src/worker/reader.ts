import * as broker from '../redis/commands.ts'
import type { Connection } from '../redis/connection.ts'
import type { Lane } from './lease-table.ts'
import { isEarlier } from '../model/fence.ts'
import { createPicker, drawLevels, LEVELS, type Level } from '../model/levels.ts'
import { errorDelay, pause } from '../async/loop.ts'
import { defaults } from '../model/options.ts'
import { passStep } from '../async/steps.ts'
import { isNoGroup, isUnblocked } from '../redis/replies.ts'
import { settlesWithin } from '../async/deadline.ts'

/** Claims new entries for one lane over a connection of its own, since a blocking read parks it. */
export interface Reader {
  /** Whether it waits for demand. */
  readonly waiting: boolean
  /** Looks again whether there is demand. */
  wake(): void
  /** When the server last answered a read, `performance.now()`. */
  readonly lastReadAt: number
  /** Since when the server has owed it the answer to a read, errors included, `performance.now()`; undefined while it reads nothing. */
  readonly unreadSince: number | undefined
  /** Stops reading; what a read under way has claimed is accepted first. */
  stop(): Promise<void>
}

const MAX_COUNT = 1_000
/** A server that does not answer must not hold back the end: then what a read may have claimed is left to lapse. */
const STOP_WITHIN_MS = 700

/** How long jobs may wait in a buffer for which there is no demand, in milliseconds: others may be free for them. */
const SURPLUS_FOR_MS = 1_000

/** `demand` tells how many jobs the lane may claim now; 0 = wait for `wake`; less = so many are claimed too many. */
export function startReader(lane: Lane, connection: Connection, demand: () => number): Reader {
  const { part, owner, settings, emit } = lane
  const stopping = new AbortController()
  let stopped = false
  let unblocking = false
  let failures = 0
  let lastReadAt = performance.now()
  let unreadSince: number | undefined
  let wakeUp: (() => void) | undefined
  let blockedId: string | undefined
  /** The last read says that there is a backlog: then levels are read by weight, and without a wait. */
  let backlog = settings.partitions === 1
  /** The last read waited, or would have: other workers may do so now. */
  let isIdle = false
  /** The group of one level is missing, while others may bring jobs. */
  let missing: unknown
  const pick = createPicker(settings.weights)
  const active = [true, true, true]
  /** Last entry read, by level. */
  const reached: (string | undefined)[] = []

  /**
   * Draws as many jobs as it wants by weight, from the levels that had jobs before. Where they have none now, the
   * others are drawn from. It never claims more than it wants: what a worker cannot start, another one could.
   */
  async function readByWeight(want: number): Promise<broker.Claimed[][]> {
    const empty = new Set<Level>()
    for (;;) {
      const isLeft = (level: Level): boolean => !empty.has(level)
      const isActive = (level: Level): boolean => isLeft(level) && active[level] === true
      const shares = drawLevels(want, pick, LEVELS.some(isActive) ? isActive : isLeft)
      const claimed = await readShares(shares)
      for (const level of LEVELS) if (active[level] !== true) empty.add(level)
      if (empty.size === LEVELS.length || stopped || claimed.some((list) => list.length > 0)) return claimed
    }
  }

  /** Reads the levels that have a share and looks whether the others have jobs, in one round trip. */
  async function readShares(shares: readonly number[]): Promise<broker.Claimed[][]> {
    const outcomes = await Promise.allSettled(
      LEVELS.map(async (level) => {
        const share = shares[level] ?? 0
        active[level] = false
        if (share === 0) {
          active[level] = await broker.hasEntries(connection, part.keys, owner.group, level)
          return []
        }
        const claimed = (await broker.read(connection, part.keys, owner, [level], share, 0))[level] ?? []
        active[level] = claimed.length > 0
        return claimed
      }),
    )
    const claimed = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
    const isNone = claimed.every((list) => list.length === 0)
    // What one read has claimed is not thrown away for the failure of another, which the next read will meet again.
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') continue
      if (isNone) throw outcome.reason
      if (isNoGroup(outcome.reason)) missing = outcome.reason
    }
    return claimed
  }

  /** High first; a lower level only for what is left. */
  async function readStrictly(want: number): Promise<broker.Claimed[][]> {
    const claimed: broker.Claimed[][] = [[], [], []]
    let left = want
    for (const level of LEVELS) {
      if (left < 1) break
      try {
        const levels = await broker.read(connection, part.keys, owner, [level], left, 0)
        claimed[level] = levels[level] ?? []
      } catch (error) {
        if (left === want) throw error
        if (isNoGroup(error)) missing = error
        break
      }
      left -= claimed[level].length
    }
    return claimed
  }

  async function readBlocking(want: number): Promise<broker.Claimed[][]> {
    isIdle = true
    blockedId = await connection.id()
    if (stopped) return []
    try {
      // Each level may bring as many; some servers answer with all of them.
      const count = Math.max(1, Math.floor(want / LEVELS.length))
      const claimed = await broker.read(connection, part.keys, owner, LEVELS, count, defaults.blockMs)
      if (claimed.some((list) => list.length >= count)) backlog = true
      return claimed
    } finally {
      blockedId = undefined
    }
  }

  async function claim(want: number): Promise<broker.Claimed[][]> {
    if (settings.weights !== undefined && !backlog) return readBlocking(want)
    // A read of several streams takes from each of them, so it comes only when there is nothing to choose from.
    const claimed = await (settings.weights === undefined ? readStrictly(want) : readByWeight(want))
    backlog = claimed.some((list) => list.length > 0)
    return backlog || settings.weights !== undefined ? claimed : readBlocking(want)
  }

  async function readOnce(want: number): Promise<void> {
    isIdle = false
    const claimed = await claim(want)
    lastReadAt = performance.now()
    const all = claimed.map(withoutRepeats).flat()
    if (all.length > 0) passStep('queue.read', () => all.map(({ job, entryId }) => job?.meta.id ?? entryId))
    if (all.length > 0) await lane.accept(all, lastReadAt)
    // Reads of several levels and partitions may bring more than can start here, while other workers wait for just these.
    if (isIdle) lane.releaseBuffered(Math.max(0, -demand()))
    if (missing === undefined) return
    const error = missing
    missing = undefined
    throw error
  }

  /**
   * New entries have growing ids, unless the server forgot what it had delivered: its group was destroyed, or it came
   * back with older data. Then it delivers jobs that run here, by the very same fence: those go on as they are.
   */
  function withoutRepeats(claimed: broker.Claimed[], level: number): broker.Claimed[] {
    const [first] = claimed
    const last = claimed.at(-1)
    if (first === undefined || last === undefined) return claimed
    const before = reached[level]
    reached[level] = last.entryId
    if (before === undefined || isEarlier(before, first.entryId)) return claimed
    const inHand = new Map([...lane.held].map((held) => [`${held.level}:${held.entryId}`, held]))
    return claimed.filter((entry) => {
      const held = inHand.get(`${level}:${entry.entryId}`)
      if (held === undefined) return true
      if (held.deliveryCount === entry.deliveryCount) return false
      lane.lose(held)
      return true
    })
  }

  /** Never throws. Every error waits, whatever wakes the reader meanwhile: a loop of errors must not be a hot one. */
  async function recover(error: unknown): Promise<void> {
    if (isNoGroup(error)) {
      try {
        if (await broker.createGroup(connection, part.keys, owner.group))
          emit({ type: 'groupCreated', queue: part.keys.base })
        return
      } catch (again) {
        return recover(again)
      }
    }
    // UNBLOCKED is how a server says that it became a replica, that the stream is gone, or that we asked to stop.
    if (!stopped && !isUnblocked(error)) emit({ type: 'error', error, during: 'read' })
    await pause(errorDelay(++failures), stopping.signal)
  }

  /** False when nobody woke it. */
  function waitForWake(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, SURPLUS_FOR_MS, false)
      function done(woken: boolean): void {
        clearTimeout(timer)
        wakeUp = undefined
        resolve(woken)
      }
      wakeUp = () => done(true)
    })
  }

  async function run(): Promise<void> {
    while (!stopped) {
      const want = Math.min(MAX_COUNT, lane.pausing.isPaused ? 0 : demand())
      if (want < 1) {
        unreadSince = undefined
        if (!(await waitForWake())) lane.releaseBuffered(Math.max(0, -demand()))
        continue
      }
      unreadSince ??= performance.now()
      try {
        await readOnce(want)
        unreadSince = undefined
        failures = 0
      } catch (error) {
        await recover(error)
      }
    }
  }

  const running = run()
  return {
    get waiting() {
      return wakeUp !== undefined
    },
    wake: () => wakeUp?.(),
    get lastReadAt() {
      return lastReadAt
    },
    get unreadSince() {
      return unreadSince
    },
    async stop() {
      stopped = true
      stopping.abort()
      wakeUp?.()
      const closeAt = performance.now() + STOP_WITHIN_MS
      // A reply must not be thrown away with the connection: it would be claimed and unknown. So the server is asked
      // to end the wait, again and again since the read may be on its way to it.
      while (!(await settlesWithin(running, 20))) {
        unblock()
        if (performance.now() > closeAt) {
          await connection.close()
          await settlesWithin(running, STOP_WITHIN_MS)
          return
        }
      }
    },
  }

  function unblock(): void {
    if (blockedId === undefined || unblocking) return
    unblocking = true
    void part.connection
      .send(['CLIENT', 'UNBLOCK', blockedId])
      .catch(() => undefined)
      .finally(() => {
        unblocking = false
      })
  }
}
