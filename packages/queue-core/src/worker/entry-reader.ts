import { settlesWithin } from '../async/deadline.ts'
import { passStep } from '../async/steps.ts'
import { isEarlier } from '../model/fence.ts'
import { createPicker, drawLevels, LEVELS, type Level, type Picker } from '../model/levels.ts'
import * as commands from '../redis/commands.ts'
import type { Connection } from '../redis/connection.ts'
import type { QueuePartition } from '../redis/partition.ts'
import { isNoGroup } from '../redis/replies.ts'
import type { LeaseTable } from './lease-table.ts'

const JOBS_PER_READ = 1_000

type Claims = readonly (readonly commands.Claimed[])[]

/** Claims new entries for a lease table, over a separate connection because a read that waits blocks it. */
export class EntryReader {
  /** Whether more jobs were there than the last read could claim, as far as it can tell. */
  hasBacklog: boolean
  /** When the server last answered a read, `performance.now()`. */
  lastReadAt: number = performance.now()
  readonly #leases: LeaseTable
  readonly #part: QueuePartition
  readonly #pick: Picker
  /** Levels whose last read brought jobs. */
  readonly #active = [true, true, true]
  /** Last entry read, by level. */
  readonly #reached: (string | undefined)[] = []
  #blockedId: string | undefined
  #isUnblocking = false
  #isStopped = false

  constructor(leases: LeaseTable, connection: Connection) {
    this.#leases = leases
    this.#part = { keys: leases.part.keys, connection }
    this.#pick = createPicker(leases.settings.weights)
    this.hasBacklog = leases.settings.partitions === 1
  }

  /** Claims up to `want` jobs without a wait, by weight or strictly. Returns how many there were. */
  async readReady(want: number): Promise<number> {
    const count = Math.min(JOBS_PER_READ, want)
    const isStrict = this.#leases.settings.weights === undefined
    const claims = await (isStrict ? this.#readStrictly(count) : this.#readByWeight(count))
    const found = claims.flat().length
    this.hasBacklog = found > 0
    await this.#accept(claims)
    return found
  }

  /**
   * Claims up to `perLevel` jobs of each level, waiting up to `blockMs` for the first. It has no choice between levels,
   * so call it only when none is ready. Some servers answer with jobs of all levels.
   */
  async readBlocking(perLevel: number, blockMs: number): Promise<void> {
    const count = Math.min(JOBS_PER_READ, perLevel)
    this.#blockedId = await this.#part.connection.id()
    if (this.#isStopped) return
    try {
      const claims = await this.#inGroup((isAgain) =>
        commands.read(this.#part, this.#leases.settings, LEVELS, count, isAgain ? 0 : blockMs),
      )
      if (claims.some((entries) => entries.length >= count)) this.hasBacklog = true
      await this.#accept(claims)
    } finally {
      this.#blockedId = undefined
    }
  }

  /**
   * Stops reading and ends the wait of a read under way. A reply must not be lost with the connection: its jobs would
   * be claimed and unknown. So the server is asked to end the wait, repeatedly because the read may still be on its way.
   * Returns false when `reading` has not settled within `withinMs`.
   */
  async stop(reading: Promise<unknown>, withinMs: number): Promise<boolean> {
    this.#isStopped = true
    const until = performance.now() + withinMs
    while (!(await settlesWithin(reading, 20))) {
      this.#unblock()
      if (performance.now() > until) return false
    }
    return true
  }

  #unblock(): void {
    if (this.#blockedId === undefined || this.#isUnblocking) return
    this.#isUnblocking = true
    void this.#leases.part.connection
      .send(['CLIENT', 'UNBLOCK', this.#blockedId])
      .catch(() => undefined)
      .finally(() => {
        this.#isUnblocking = false
      })
  }

  async #accept(claims: Claims): Promise<void> {
    this.lastReadAt = performance.now()
    const entries = claims.map((claimed, level) => this.#withoutRepeats(claimed, level)).flat()
    if (entries.length === 0) return
    passStep('queue.read', () => entries.map(({ job, entryId }) => job?.meta.id ?? entryId))
    await this.#leases.accept(entries, this.lastReadAt)
  }

  /** High first; a lower level only for what is left. */
  async #readStrictly(want: number): Promise<Claims> {
    const claims: commands.Claimed[][] = [[], [], []]
    let left = want
    for (const level of LEVELS) {
      if (left < 1) break
      try {
        claims[level] = await this.#readLevel(level, left)
      } catch (error) {
        if (left === want) throw error
        break
      }
      left -= claims[level].length
    }
    return claims
  }

  /**
   * Draws as many jobs as it wants by weight, from the levels that had jobs before; where they have none now, from the
   * others. It never claims more than it wants: what a worker cannot start, another one could.
   */
  async #readByWeight(want: number): Promise<Claims> {
    const empty = new Set<Level>()
    for (;;) {
      const isLeft = (level: Level): boolean => !empty.has(level)
      const isActive = (level: Level): boolean => isLeft(level) && this.#active[level] === true
      const shares = drawLevels(want, this.#pick, LEVELS.some(isActive) ? isActive : isLeft)
      const claims = await this.#readShares(shares)
      for (const level of LEVELS) if (this.#active[level] !== true) empty.add(level)
      const isDone = empty.size === LEVELS.length || claims.some((entries) => entries.length > 0)
      if (isDone || this.#isStopped) return claims
    }
  }

  /** Reads the levels that have a share and looks whether the others have jobs, in one round trip. */
  async #readShares(shares: readonly number[]): Promise<Claims> {
    const outcomes = await Promise.allSettled(
      LEVELS.map(async (level) => {
        const share = shares[level] ?? 0
        this.#active[level] = false
        const isProbe = share === 0
        const claimed = isProbe ? [] : await this.#readLevel(level, share)
        this.#active[level] = isProbe
          ? await this.#inGroup(() => commands.hasEntries(this.#part, this.#leases.settings.group, level))
          : claimed.length > 0
        return claimed
      }),
    )
    const claims = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
    const isNone = claims.every((entries) => entries.length === 0)
    // What one read has claimed is not lost to the failure of another, which the next read will meet again.
    for (const outcome of outcomes) if (isNone && outcome.status === 'rejected') throw outcome.reason
    return claims
  }

  async #readLevel(level: Level, count: number): Promise<commands.Claimed[]> {
    const claims = await this.#inGroup(() =>
      commands.read(this.#part, this.#leases.settings, [level], count, 0),
    )
    return claims[level] ?? []
  }

  /** Runs a command that needs the consumer group; where that is missing, creates it and runs the command once more. */
  async #inGroup<T>(run: (isAgain: boolean) => Promise<T>): Promise<T> {
    try {
      return await run(false)
    } catch (error) {
      if (!isNoGroup(error)) throw error
      await this.#leases.ensureGroup()
      return run(true)
    }
  }

  /**
   * New entries have growing ids, unless the server forgot what it had delivered: its group was destroyed, or it came
   * back with older data. Then it delivers jobs that run here, with the very same fence: those runs continue.
   */
  #withoutRepeats(claimed: readonly commands.Claimed[], level: number): readonly commands.Claimed[] {
    const [first] = claimed
    const last = claimed.at(-1)
    if (first === undefined || last === undefined) return claimed
    const before = this.#reached[level]
    this.#reached[level] = last.entryId
    if (before === undefined || isEarlier(before, first.entryId)) return claimed
    const inHand = new Map([...this.#leases.held].map((lease) => [`${lease.level}:${lease.entryId}`, lease]))
    return claimed.filter((entry) => {
      const lease = inHand.get(`${level}:${entry.entryId}`)
      if (lease === undefined) return true
      if (lease.deliveryCount === entry.deliveryCount) return false
      this.#leases.lose(lease)
      return true
    })
  }
}
