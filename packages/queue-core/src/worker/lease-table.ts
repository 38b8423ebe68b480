import * as broker from '../redis/commands.ts'
import { createBatcher } from '../async/batcher.ts'
import { createBuffer, type LeaseBuffer } from './lease-buffer.ts'
import { QueueError } from '../model/errors.ts'
import type { OnEvent } from '../model/events.ts'
import { createHeld, eventJob, type Held } from './held-lease.ts'
import type { Job } from '../model/job.ts'
import { plainJobId } from '../redis/layout.ts'
import { crashesOf, timeOf } from '../model/fence.ts'
import { errorDelay } from '../async/loop.ts'
import type { ResolvedWorker } from '../model/options.ts'
import type { QueuePartition } from '../redis/partition.ts'
import { createPausing, type Pausing } from './pause-state.ts'
import { settle, type Verdict } from '../redis/settle.ts'
import { deadVerdict, verdict } from './settlement.ts'

/**
 * How a settle ended: stored, void since the lease is lost, or not known since the connection broke or the server
 * could not store all of it.
 */
export type Settled = 'stored' | 'lost' | 'unknown'

interface Settling {
  readonly held: Held
  readonly verdict: Verdict
  readonly done: (held: Held, how: Settled) => void
}

/** Who claims: the group, the consumer's name in Redis, and the times that go with it. */
export interface Owner {
  readonly group: string
  readonly consumer: string
  readonly visibilityMs: number
  readonly dedupeMs: number
}

/** The leases that a worker holds on one partition, and the only way in and out of them. */
export interface Lane {
  readonly part: QueuePartition
  readonly owner: Owner
  readonly settings: ResolvedWorker
  readonly emit: OnEvent
  readonly buffer: LeaseBuffer
  readonly pausing: Pausing
  /** Leases in hand: buffered, running or being settled. */
  readonly held: ReadonlySet<Held>
  readonly settling: number
  /** Since when ends of jobs have waited to be stored without one being stored, `performance.now()`; undefined when none waits. */
  readonly unsettledSince: number | undefined
  /** Takes claimed entries in: poison and done ones are settled at once, the others wait for a slot. */
  accept(claimed: readonly broker.Claimed[], now: number): Promise<void>
  acceptReclaimed(taken: readonly broker.Reclaimed[], now: number): Promise<void>
  settle(held: Held, verdict: Verdict, done: (held: Held, how: Settled) => void): void
  /**
   * Lets a lease lapse, where the worker stops and a handler goes on: the job goes to another worker when its
   * visibility timeout is over, and the delivery counts as no crash.
   */
  lapse(held: Held): void
  /** Gives a job back unfinished. */
  release(held: Held): void
  /** Gives buffered jobs back, the last ones first. @default all */
  releaseBuffered(count?: number): void
  /** Gives back entries that are this consumer's in Redis but not in hand: their delivery's reply was lost. */
  releaseOrphans(orphans: readonly broker.Orphan[]): void
  /** The lease is gone: aborts the run and forgets the job. */
  lose(held: Held): void
  /** Resolves when every settle is stored or given up. */
  idle(): Promise<void>
  onChange: () => void
  /** Told of each job whose renewal may be due sooner than planned. */
  onShortLease: () => void
  /**
   * The crashes that leave a job one last delivery, and whether such a job may be taken. One is in hand at a time: a
   * poison job takes down whatever runs beside it, and that must survive it.
   */
  lastChance(): { readonly crashes: number; readonly mayTake: boolean }
  /** Told when the job on its last chance has ended. */
  onLastChanceOver: () => void
}

const SETTLE_BATCH = 512

/** Makes an empty lane. `single`: the queue has one partition, so job ids need not name it. */
export function createLane(
  part: QueuePartition,
  owner: Owner,
  settings: ResolvedWorker,
  emit: OnEvent,
  single: boolean,
): Lane {
  const held = new Set<Held>()
  /** Leases that count as lost here and may be this consumer's in Redis still, by level and entry. */
  const forsaken = new Map<string, Held>()
  const buffer = createBuffer(settings.weights)
  const { connection, keys, fixed } = part
  let unsettledSince = 0
  const batcher = createBatcher<Settling>(writeBatch, { maxItems: SETTLE_BATCH })

  /** Writes verdicts until the server has answered, every lease has run out or the connection is closed; each is checked against its fence. */
  async function writeBatch(batch: readonly Settling[]): Promise<void> {
    let ambiguous = false
    for (let failures = 1; ; failures++) {
      const askedAt = performance.now()
      try {
        const reply = await settle(
          connection,
          keys,
          fixed,
          owner,
          batch.map((item) => item.verdict),
        )
        unsettledSince = performance.now()
        for (const [index, item] of batch.entries()) {
          const refusal = reply.refused.get(index)
          if (refusal !== undefined) {
            // The same again would fail again: its lease lapses, and whoever gets the job next tries anew.
            emit({ type: 'error', error: new Error(refusal), during: 'settle' })
            finish(item, 'unknown')
          } else finish(item, !reply.lost.has(index) ? 'stored' : ambiguous ? 'unknown' : 'lost')
        }
        pausing.answer(reply.paused, askedAt)
        // Too many unsettled jobs hold back the reader: it is told when there are fewer.
        lane.onChange()
        return
      } catch (error) {
        emit({ type: 'error', error, during: 'settle' })
        ambiguous = true
        const now = performance.now()
        if (
          connection.isClosed ||
          batch.every((item) => now - item.held.renewedAt > item.held.visibilityMs)
        ) {
          for (const item of batch) finish(item, 'unknown')
          return
        }
        await new Promise((resolve) => setTimeout(resolve, errorDelay(failures)))
      }
    }
  }

  function isOnLastChance(lease: Held): boolean {
    return settings.maxCrashes > 1 && crashesOf(lease.deliveryCount) === settings.maxCrashes - 1
  }

  function drop(lease: Held): void {
    if (held.delete(lease) && isOnLastChance(lease)) lane.onLastChanceOver()
  }

  /** Forgets a lease that is lost here. In Redis it is this consumer's until its timeout is over. */
  function forsake(lease: Held): void {
    drop(lease)
    forsaken.set(placeOf(lease), lease)
  }

  /** Whether a lease that is lost here has not lapsed in Redis, or its handler still runs. */
  function mayRun(lease: Held, idleMs: number): boolean {
    const isOver = lease.run === undefined || lease.run.isOver
    return !isOver || idleMs < Math.max(owner.visibilityMs, lease.visibilityMs)
  }

  function finish({ held: lease, verdict: { verb }, done }: Settling, how: Settled): void {
    drop(lease)
    // A lease that was left to lapse is no longer this worker's, although its job has not ended.
    lease.lost = how !== 'stored' || verb === 'lapse'
    done(lease, how)
  }

  function idOf(claimed: broker.Claimed): string {
    const { job, entryId, level } = claimed
    return job?.meta.id ?? plainJobId(entryId, level, single ? undefined : part.index)
  }

  function admit(claimed: broker.Claimed, now: number): Held {
    const lease = createHeld(claimed, idOf(claimed), owner.visibilityMs, now)
    held.add(lease)
    if (lease.visibilityMs < owner.visibilityMs) lane.onShortLease()
    return lease
  }

  /** Ids of done jobs among deduplicated leases. When Redis cannot say, the leases are given back to be asked again. */
  async function findDone(leases: readonly Held[]): Promise<Set<string> | undefined> {
    const ids = leases.filter((lease) => lease.meta.dedupe === 1).map((lease) => lease.id)
    if (ids.length === 0) return new Set()
    try {
      return await broker.doneIds(connection, keys, ids)
    } catch (error) {
      emit({ type: 'error', error, during: 'dedupe' })
      return undefined
    }
  }

  /** Leases that may run; those of undecodable, poisonous or done jobs are settled here. */
  async function sift(leases: readonly Held[]): Promise<Held[]> {
    const done = await findDone(leases)
    return leases.filter((lease) => {
      if (lease.job === undefined) {
        deadLetter(lease, 'undecodable', new Error('The entry has not the fields of a job'))
      } else if (crashesOf(lease.deliveryCount) >= settings.maxCrashes) {
        const crashes = crashesOf(lease.deliveryCount)
        deadLetter(
          lease,
          'worker_crash',
          new Error(`${crashes} deliveries ended without a word from their worker`),
        )
      } else if (done === undefined && lease.meta.dedupe === 1) {
        lane.release(lease)
      } else if (done?.has(lease.id) === true && lease.meta.dedupe === 1) {
        lane.settle(lease, verdict(lease, 'ack'), (_held, how) => {
          if (how === 'stored') emit({ type: 'skipped', job: eventJob(lease) })
        })
      } else return true
      return false
    })
  }

  function deadLetter(lease: Held, cause: 'undecodable' | 'worker_crash', error: Error): void {
    lane.settle(lease, deadVerdict(lease, cause, error, owner.consumer), (_held, how) => {
      if (how === 'stored') emit({ type: 'deadLettered', job: eventJob(lease), cause, error })
    })
  }

  const pausing = createPausing((isPaused) => {
    emit({ type: isPaused ? 'paused' : 'resumed', queue: keys.base })
    if (isPaused) lane.releaseBuffered()
    lane.onChange()
  })

  const lane: Lane = {
    part,
    owner,
    settings,
    emit,
    buffer,
    held,
    onChange: () => undefined,
    onShortLease: () => undefined,
    onLastChanceOver: () => undefined,
    lastChance: () => ({
      crashes: settings.maxCrashes - 1,
      mayTake: ![...held].some(isOnLastChance),
    }),
    pausing,
    get settling() {
      return batcher.size
    },
    get unsettledSince() {
      return batcher.size === 0 ? undefined : unsettledSince
    },
    async accept(claimed, now) {
      const leases = claimed.map((entry) => admit(entry, now))
      for (const lease of await sift(leases)) buffer.push(lease)
      if (pausing.isPaused) lane.releaseBuffered()
      lane.onChange()
    },
    async acceptReclaimed(taken, now) {
      const leases = taken.map((entry) => {
        const lease = admit(entry, now)
        emit({
          type: 'reclaimed',
          job: eventJob(lease),
          from: entry.from,
          crashes: crashesOf(entry.deliveryCount),
        })
        return lease
      })
      for (const lease of (await sift(leases)).toReversed()) buffer.pushFront(lease)
      if (pausing.isPaused) lane.releaseBuffered()
      lane.onChange()
    },
    settle(lease, decided, done) {
      lease.settling = true
      if (batcher.size === 0) unsettledSince = performance.now()
      batcher.push({ held: lease, verdict: decided, done })
    },
    release(lease) {
      lane.settle(lease, verdict(lease, 'release'), (_held, how) => {
        if (how === 'stored') emit({ type: 'released', job: eventJob(lease) })
      })
    },
    lapse(lease) {
      lease.lost = true
      lane.settle(lease, verdict(lease, 'lapse'), () => undefined)
    },
    releaseBuffered(count = buffer.size) {
      for (const lease of buffer.takeLast(count)) lane.release(lease)
    },
    releaseOrphans(orphans) {
      const now = performance.now()
      const own = new Set([...held].map(placeOf))
      for (const orphan of orphans) {
        const former = forsaken.get(placeOf(orphan))
        if (own.has(placeOf(orphan)) || (former !== undefined && mayRun(former, orphan.idleMs))) continue
        const lease = createHeld(
          { ...orphan, fields: [], job: former?.job },
          former?.id ?? '',
          owner.visibilityMs,
          now,
        )
        lane.release(lease)
      }
      for (const [place, lease] of forsaken)
        if (!mayRun(lease, (now - lease.renewedAt) / 2)) forsaken.delete(place)
    },
    lose(lease) {
      if (lease.lost) return
      lease.lost = true
      forsake(lease)
      emit({ type: 'leaseLost', job: eventJob(lease) })
      lease.run?.abort(
        new QueueError(
          'LEASE_LOST',
          `The lease of job "${lease.id}" is lost: another worker may run it, this run is void`,
        ),
      )
    },
    idle: () => batcher.idle(),
  }
  return lane
}

const placeOf = ({ level, entryId }: Pick<Held, 'level' | 'entryId'>): string => `${level}:${entryId}`

/** The job as its handler sees it. @throws SyntaxError when the data is not JSON */
export function toJob(lease: Held, maxAttempts: number, priority: Job['priority']): Job {
  const { meta, job, id, entryId } = lease
  const { failures = 0, enqueuedAt = timeOf(entryId), orderingKey, traceparent } = meta
  const plain: Job = {
    id,
    name: job?.name ?? '',
    data: JSON.parse(job?.data ?? ''),
    attempt: failures + 1,
    maxAttempts: meta.maxAttempts ?? maxAttempts,
    priority,
    enqueuedAt,
  }
  if (orderingKey === undefined && traceparent === undefined) return plain
  return {
    ...plain,
    ...(orderingKey === undefined ? {} : { orderingKey }),
    ...(traceparent === undefined ? {} : { traceparent }),
  }
}
