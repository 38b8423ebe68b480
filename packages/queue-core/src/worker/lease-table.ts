import { createBatcher, type Batcher } from '../async/batcher.ts'
import { errorDelay } from '../async/loop.ts'
import { passStep } from '../async/steps.ts'
import { QueueError } from '../model/errors.ts'
import type { ErrorSource, QueueEvent } from '../model/events.ts'
import { crashesOf } from '../model/fence.ts'
import * as commands from '../redis/commands.ts'
import { plainJobId } from '../redis/layout.ts'
import type { QueuePartition } from '../redis/partition.ts'
import { settle, settleChunksOf, type SettleReply, type Settlement } from '../redis/settle.ts'
import type { ConsumerContext } from './connections.ts'
import { createHeldLease, deadLetterOf, eventJob, settlementOf, type HeldLease } from './held-lease.ts'
import { LeaseBuffer } from './lease-buffer.ts'
import { PauseState } from './signals.ts'

/** How a settle ended. `unknown`: the connection broke, or the server could not store all of it. */
export type Settled = 'stored' | 'lost' | 'unknown'

export type OnSettled = (lease: HeldLease, how: Settled, leases: LeaseTable) => void

interface Settling {
  readonly lease: HeldLease
  readonly settlement: Settlement
  readonly onSettled: OnSettled
}

interface LeaseListener {
  /** Something changed that may let a job start or be claimed. */
  readonly onChange?: () => void
  /** A job came whose renewal may be due sooner than planned. */
  readonly onShortLease?: () => void
  /** The job on its last delivery has ended, so that another such job may be reclaimed. */
  readonly onLastChanceOver?: () => void
}

const SETTLEMENTS_PER_CALL = 512
const RENEWALS_PER_CALL = 500

/** The leases that a consumer holds on one partition: the only way in and out of them. */
export class LeaseTable {
  readonly part: QueuePartition
  readonly settings: ConsumerContext['settings']
  readonly context: ConsumerContext
  readonly emit: ConsumerContext['emit']
  readonly buffer: LeaseBuffer
  readonly pauseState: PauseState
  readonly #listener: LeaseListener
  readonly #held = new Set<HeldLease>()
  /** Leases that count as lost here but may still be this consumer's in Redis, by level and entry. */
  readonly #forsaken = new Map<string, HeldLease>()
  readonly #batcher: Batcher<Settling>
  #unsettledSince = 0

  constructor(part: QueuePartition, context: ConsumerContext, listener: LeaseListener = {}) {
    this.part = part
    this.context = context
    this.settings = context.settings
    this.emit = context.emit
    this.buffer = new LeaseBuffer(context.settings.weights)
    this.#listener = listener
    const write = async (batch: readonly Settling[]): Promise<void> => {
      for (const chunk of settleChunksOf(batch)) await this.#write(chunk)
    }
    this.#batcher = createBatcher(write, { maxItems: SETTLEMENTS_PER_CALL })
    this.pauseState = new PauseState((isPaused) => {
      this.emit({ type: isPaused ? 'paused' : 'resumed', queue: part.keys.base })
      this.#onAvailable()
    })
  }

  /** Leases in hand: buffered, running or being settled. */
  get held(): ReadonlySet<HeldLease> {
    return this.#held
  }

  get settling(): number {
    return this.#batcher.size
  }

  /** When settlements began to wait without one being stored, `performance.now()`; undefined when none waits. */
  get unsettledSince(): number | undefined {
    return this.#batcher.size === 0 ? undefined : this.#unsettledSince
  }

  /** Emits an error that the engine survives. */
  report(error: unknown, during: ErrorSource): void {
    this.emit({ type: 'error', error, during })
  }

  /** Emits that dead letters beyond the bounds were deleted. */
  reportDropped(count: number): void {
    if (count > 0) this.emit({ type: 'deadLettersDropped', queue: this.part.keys.base, count })
  }

  // Claim

  /** Takes claimed entries. Jobs that must not run are settled at once; the others wait for a slot. */
  async accept(claimed: readonly commands.Claimed[], now: number): Promise<void> {
    const leases = claimed.map((entry) => this.#admit(entry, now))
    for (const lease of await this.#triage(leases)) this.buffer.push(lease)
    this.#onAvailable()
  }

  /**
   * Reclaims up to `count` entries that were released or whose lease expired, from `cursors` on. They go to the front
   * of the buffer. Returns the cursors of the next page.
   */
  async reclaim(count: number, cursors: readonly string[]): Promise<readonly string[]> {
    const lastChance = {
      crashes: this.settings.maxCrashes - 1,
      // One at a time: a poison job takes down every job that runs with it, and they must survive it.
      mayTake: ![...this.#held].some((lease) => this.#isOnLastChance(lease)),
    }
    const reply = await commands.reclaim(this.part, this.settings, count, cursors, lastChance)
    if (reply.isGroupMissing) await this.ensureGroup()
    if (reply.gone.length > 0) this.emit({ type: 'entriesVanished', entryIds: reply.gone })
    this.releaseOrphans(reply.own)
    if (reply.taken.length > 0) await this.#acceptReclaimed(reply.taken)
    return reply.cursors
  }

  async #acceptReclaimed(taken: readonly commands.Reclaimed[]): Promise<void> {
    passStep('queue.reclaimed', () => taken.map(({ job, entryId }) => job?.meta.id ?? entryId))
    const now = performance.now()
    const leases = taken.map((entry) => {
      const lease = this.#admit(entry, now)
      const crashes = crashesOf(entry.deliveryCount)
      this.emit({ type: 'reclaimed', job: eventJob(lease), from: entry.from, crashes })
      return lease
    })
    for (const lease of (await this.#triage(leases)).toReversed()) this.buffer.pushFront(lease)
    this.#onAvailable()
  }

  /** A paused worker holds nothing back from the others. */
  #onAvailable(): void {
    if (this.pauseState.isPaused) this.releaseBuffered()
    this.#listener.onChange?.()
  }

  #admit(claimed: commands.Claimed, now: number): HeldLease {
    const { visibilityMs } = this.settings
    const { job, entryId, level } = claimed
    const id = job?.meta.id ?? plainJobId(entryId, level, this.part.keys.partition)
    const lease = createHeldLease(claimed, id, visibilityMs, now)
    this.#held.add(lease)
    if (lease.visibilityMs < visibilityMs) this.#listener.onShortLease?.()
    return lease
  }

  /** Returns the leases that may run; those of undecodable, poisonous or done jobs are settled here. */
  async #triage(leases: readonly HeldLease[]): Promise<HeldLease[]> {
    const done = await this.#findDone(leases)
    return leases.filter((lease) => !this.#settledUnrun(lease, done))
  }

  /** Returns whether the job must not run, which settles its lease. */
  #settledUnrun(lease: HeldLease, done: ReadonlySet<string> | undefined): boolean {
    const crashes = crashesOf(lease.deliveryCount)
    if (lease.job === undefined) {
      this.#deadLetter(lease, 'undecodable', new Error('The entry does not have the fields of a job'))
    } else if (crashes >= this.settings.maxCrashes) {
      const error = new Error(`${crashes} deliveries ended without a result from their worker`)
      this.#deadLetter(lease, 'worker_crash', error)
    } else if (lease.meta.dedupe !== 1) return false
    else if (done === undefined) this.release(lease)
    else if (done.has(lease.id))
      this.#end(lease, settlementOf(lease, 'ack'), { type: 'skipped', job: eventJob(lease) })
    else return false
    return true
  }

  /** Returns the ids of done jobs among deduplicated leases; undefined when Redis cannot say. */
  async #findDone(leases: readonly HeldLease[]): Promise<ReadonlySet<string> | undefined> {
    const ids = leases.filter((lease) => lease.meta.dedupe === 1).map((lease) => lease.id)
    if (ids.length === 0) return new Set()
    try {
      return await commands.doneIds(this.part, ids)
    } catch (error) {
      this.report(error, 'dedupe')
      return undefined
    }
  }

  #deadLetter(lease: HeldLease, cause: 'undecodable' | 'worker_crash', error: Error): void {
    const settlement = deadLetterOf(lease, cause, error, this.settings)
    this.#end(lease, settlement, { type: 'deadLettered', job: eventJob(lease), cause, error })
  }

  async ensureGroup(): Promise<void> {
    if (await commands.createGroup(this.part, this.settings.group))
      this.emit({ type: 'groupCreated', queue: this.part.keys.base })
  }

  // Renew and lose

  /** Restarts the visibility timeout of leases. Returns those that are still held; the others are lost. */
  async renew(leases: readonly HeldLease[]): Promise<HeldLease[]> {
    const kept: HeldLease[] = []
    for (let from = 0; from < leases.length; from += RENEWALS_PER_CALL)
      kept.push(...(await this.#renewBatch(leases.slice(from, from + RENEWALS_PER_CALL))))
    return kept
  }

  async #renewBatch(batch: readonly HeldLease[]): Promise<HeldLease[]> {
    const { settings } = this
    const sentAt = performance.now()
    const renewals = batch.map(({ level, entryId, deliveryCount, visibilityMs }) => {
      return { level, entryId, deliveryCount, idleMs: Math.max(0, settings.visibilityMs - visibilityMs) }
    })
    const { lost, paused } = await commands.renew(this.part, settings, renewals)
    const gone = new Set(lost)
    const kept: HeldLease[] = []
    for (const [index, lease] of batch.entries())
      if (!gone.has(index)) {
        lease.renewedAt = sentAt
        kept.push(lease)
      }
      // A lease that was settled in the meantime is not lost.
      else if (!lease.settling) this.lose(lease)
    this.pauseState.observe(paused, sentAt)
    return kept
  }

  /** Declares a lease lost: aborts the run and forgets the job. In Redis it is this consumer's until it expires. */
  lose(lease: HeldLease): void {
    if (lease.lost) return
    lease.lost = true
    this.#remove(lease)
    this.#forsaken.set(placeOf(lease), lease)
    this.emit({ type: 'leaseLost', job: eventJob(lease) })
    const text = `The lease of job "${lease.id}" is lost: another worker may run it, this run is void`
    lease.run?.abort(new QueueError('LEASE_LOST', text))
  }

  /** Releases entries that Redis counts as this consumer's but that are not in hand: the reply that delivered them was lost. */
  releaseOrphans(orphans: readonly commands.Orphan[]): void {
    const now = performance.now()
    const own = new Set([...this.#held].map(placeOf))
    for (const orphan of orphans) {
      const place = placeOf(orphan)
      const former = this.#forsaken.get(place)
      if (own.has(place) || (former !== undefined && this.#mayRun(former, orphan.idleMs))) continue
      const claimed = { ...orphan, fields: [], job: former?.job }
      this.release(createHeldLease(claimed, former?.id ?? '', this.settings.visibilityMs, now))
    }
    for (const [place, lease] of this.#forsaken)
      if (!this.#mayRun(lease, (now - lease.renewedAt) / 2)) this.#forsaken.delete(place)
  }

  /** Returns whether a lease that is lost here has not expired in Redis, or its handler still runs. */
  #mayRun(lease: HeldLease, idleMs: number): boolean {
    const isRunning = lease.run !== undefined && !lease.run.isOver
    return isRunning || idleMs < Math.max(this.settings.visibilityMs, lease.visibilityMs)
  }

  #isOnLastChance(lease: HeldLease): boolean {
    const { maxCrashes } = this.settings
    return maxCrashes > 1 && crashesOf(lease.deliveryCount) === maxCrashes - 1
  }

  #remove(lease: HeldLease): void {
    if (this.#held.delete(lease) && this.#isOnLastChance(lease)) this.#listener.onLastChanceOver?.()
  }

  // Settle

  /** Ends a lease. `onSettled` is called once, when Redis has answered or cannot answer any more. */
  settle(lease: HeldLease, settlement: Settlement, onSettled: OnSettled): void {
    lease.settling = true
    if (this.#batcher.size === 0) this.#unsettledSince = performance.now()
    this.#batcher.push({ lease, settlement, onSettled })
  }

  #end(lease: HeldLease, settlement: Settlement, event: QueueEvent): void {
    this.settle(lease, settlement, (_lease, how) => {
      if (how === 'stored') this.emit(event)
    })
  }

  release(lease: HeldLease): void {
    this.#end(lease, settlementOf(lease, 'release'), { type: 'released', job: eventJob(lease) })
  }

  /** Releases buffered jobs, the last ones first. @default all */
  releaseBuffered(count: number = this.buffer.size): void {
    for (const lease of this.buffer.takeLast(count)) this.release(lease)
  }

  /**
   * Lets a lease expire, where the worker stops while a handler is still running: the job goes to another worker after
   * its visibility timeout, and the delivery does not count as a crash.
   */
  lapse(lease: HeldLease): void {
    lease.lost = true
    this.settle(lease, settlementOf(lease, 'lapse'), () => undefined)
  }

  /** Resolves when every settlement is stored or given up. */
  idle(): Promise<void> {
    return this.#batcher.idle()
  }

  /** Removes the consumer from Redis. */
  async leave(): Promise<void> {
    const { group, consumer } = this.settings
    await Promise.all([
      commands.forgetBeat(this.part, consumer),
      commands.forgetConsumers(this.part, group, consumer, Number.MAX_SAFE_INTEGER),
    ])
  }

  /** Writes settlements until the server has answered, every lease has expired or the connection is closed. Each is checked against its fence. */
  async #write(batch: readonly Settling[]): Promise<void> {
    const settlements = batch.map(({ settlement }) => settlement)
    for (let failures = 0; ;) {
      const sentAt = performance.now()
      try {
        const reply = await settle(this.part, this.settings, settlements)
        this.#unsettledSince = performance.now()
        this.#finishBatch(batch, reply, failures > 0)
        this.reportDropped(reply.dropped)
        this.pauseState.observe(reply.paused, sentAt)
        // Too many unsettled jobs hold back the reader.
        return this.#listener.onChange?.()
      } catch (error) {
        this.report(error, 'settle')
        const now = performance.now()
        const isExpired = batch.every(({ lease }) => now - lease.renewedAt > lease.visibilityMs)
        if (this.part.connection.isClosed || isExpired) {
          for (const item of batch) this.#finish(item, 'unknown')
          return
        }
        const delayMs = errorDelay(++failures)
        await new Promise((resolve) => setTimeout(resolve, delayMs))
      }
    }
  }

  /** After a failed try a lost lease may be one that the failed try has settled. */
  #finishBatch(batch: readonly Settling[], { lost, refused }: SettleReply, hasFailed: boolean): void {
    for (const [index, item] of batch.entries()) {
      const refusal = refused.get(index)
      // Another try would fail in the same way: the lease expires, and the next worker tries again.
      if (refusal !== undefined) this.report(new Error(refusal), 'settle')
      const isUnknown = refusal !== undefined || (hasFailed && lost.has(index))
      this.#finish(item, isUnknown ? 'unknown' : lost.has(index) ? 'lost' : 'stored')
    }
  }

  #finish({ lease, settlement, onSettled }: Settling, how: Settled): void {
    this.#remove(lease)
    // A lease that was left to expire is no longer this worker's, although its job has not ended.
    lease.lost = how !== 'stored' || settlement.verb === 'lapse'
    onSettled(lease, how, this)
  }
}

const placeOf = ({ level, entryId }: Pick<HeldLease, 'level' | 'entryId'>): string => `${level}:${entryId}`
