import { errorDelay, startLoop, type Loop } from '../async/loop.ts'
import { passStep } from '../async/steps.ts'
import { fireDueSlots } from '../producer/recurring.ts'
import * as commands from '../redis/commands.ts'
import type { HeldLease } from './held-lease.ts'
import type { LeaseTable } from './lease-table.ts'

// The loops around a lease table, apart from reading. A consumer does some of their duties itself when it claims.

/** How often a consumer notes that it is alive, in milliseconds. */
export const BEAT_EVERY_MS = 5_000

/** Notes in Redis that the consumer is alive: busy, idle or paused. */
export function beat({ part, settings }: LeaseTable): Promise<void> {
  return commands.beat(part, settings.consumer)
}

export function startHeartbeat(leases: LeaseTable): Loop {
  return startLoop(
    () => beat(leases).then(() => BEAT_EVERY_MS),
    (error) => leases.report(error, 'heartbeat'),
  )
}

// Promote

/** Longest wait between two looks: signals can be lost with a connection, and so late a job can be then. */
const IDLE_MS = 1_000
const PROMOTE_BATCH = 500

/** Moves due jobs to where they are ready and fires recurring ones, by the server's clock. Returns the milliseconds until it is due again. */
export async function promoteDue(leases: LeaseTable): Promise<number> {
  const { part, emit } = leases
  const sentAt = performance.now()
  const done = await commands.promote(part, PROMOTE_BATCH)
  const { moved, nextDueAt = Infinity, nextSlotAt = Infinity, now } = done
  if (moved > 0) passStep('queue.promoted', () => [])
  leases.pauseState.observe(done.paused, sentAt)
  for (const id of done.buried)
    emit({
      type: 'deadLettered',
      job: { id, name: '', attempt: 1, entryId: '0-0', deliveryCount: 0 },
      cause: 'undecodable',
      error: new Error('What was stored of the delayed job cannot be read'),
    })
  const untilSlotMs = nextSlotAt <= now ? await fireSlots(leases, now) : nextSlotAt - now
  if (done.failure !== '') leases.report(new Error(done.failure), 'promote')
  // Jobs that cannot be moved are met again each time; as long as others are moved, that is no reason to wait.
  if (moved === PROMOTE_BATCH && done.failed < moved) return 0
  return Math.min(IDLE_MS, Math.max(0, nextDueAt - now), untilSlotMs)
}

/** What keeps slots from firing, such as full memory, must not keep delayed jobs waiting. */
async function fireSlots(leases: LeaseTable, now: number): Promise<number> {
  try {
    return (await fireDueSlots(leases.part, now, leases.emit)) ?? IDLE_MS
  } catch (error) {
    leases.report(error, 'schedule')
    return IDLE_MS
  }
}

export function startPromoter(leases: LeaseTable): Loop {
  return startLoop(
    () => promoteDue(leases),
    (error) => leases.report(error, 'promote'),
  )
}

// Recover

const JANITOR_EVERY_MS = 60_000
/** A consumer that did not try to read for so long is gone; one that was stalled and comes back is recreated by its read. */
const CONSUMER_IDLE_MS = 15 * 60_000
const RECLAIM_BATCH = 100
/** Longest wait for demand, should its signal be missed. */
const DEMAND_WITHIN_MS = 1_000
/** Cursors, by level, of a pass over all pending entries. */
export const SCAN_START: readonly string[] = ['-', '-', '-']

export function isScanOver(cursors: readonly string[]): boolean {
  return cursors.every((cursor) => cursor === '+')
}

export interface Recoverer extends Loop {
  /** Its turn has come: the reader claims nothing until it has looked. */
  readonly isDue: boolean
  /** Whether it waits for demand. */
  readonly isWaiting: boolean
}

/**
 * Reclaims jobs whose worker died, stalled or released them, as many as this worker can run. When nothing can be
 * reclaimed now, the next demand is the recoverer's: a backlog of new jobs would leave none for it.
 * `onScanned` is called after each page.
 */
export function startRecoverer(leases: LeaseTable, demand: () => number, onScanned: () => void): Recoverer {
  const intervalMs = Math.min(5_000, Math.max(50, leases.settings.visibilityMs / 5))
  // A worker that starts tidies up first: what was stuck need not wait for another minute.
  let tidiedAt = -Infinity
  let state: 'resting' | 'waiting' | 'scanning' = 'resting'
  // One pass over the whole list of pending entries, page by page: what has expired must not wait behind what has not.
  let cursors = SCAN_START

  async function runOnce(): Promise<number> {
    const { isPaused } = leases.pauseState
    const want = isPaused ? 0 : Math.min(RECLAIM_BATCH, demand())
    state = isPaused ? 'resting' : want < 1 ? 'waiting' : 'scanning'
    if (state !== 'scanning') return Math.min(intervalMs, DEMAND_WITHIN_MS)
    try {
      cursors = await leases.reclaim(want, cursors)
    } finally {
      state = 'resting'
      onScanned()
    }
    if (!isScanOver(cursors)) return 1
    cursors = SCAN_START
    if (performance.now() - tidiedAt >= JANITOR_EVERY_MS) {
      tidiedAt = performance.now()
      await tidy(leases)
    }
    return intervalMs * (0.75 + Math.random() / 2)
  }

  const loop = startLoop(runOnce, (error) => {
    cursors = SCAN_START
    leases.report(error, 'reclaim')
  })
  return {
    ...loop,
    get isDue() {
      return state !== 'resting'
    },
    get isWaiting() {
      return state === 'waiting'
    },
  }
}

/** Forgets idle consumers and old dead letters, and frees ordering keys whose holder was deleted by hand. */
async function tidy(leases: LeaseTable): Promise<void> {
  const { part, settings } = leases
  if (!(await commands.mayTidy(part, settings.consumer, JANITOR_EVERY_MS))) return
  await commands.forgetConsumers(part, settings.group, '', CONSUMER_IDLE_MS)
  await commands.unpark(part)
  if (settings.deadLetters !== undefined)
    leases.reportDropped(await commands.trimDeadLetters(part, settings.deadLetters))
}

// Renew

/**
 * Share of the visibility timeout after which a lease that could not be renewed counts as lost here, so that our run is
 * aborted before another worker may begin its own.
 */
const GIVE_UP = 0.9

/** Returns when a lease is to be renewed. One whose end cannot be stored must expire: it is not renewed any more. */
function dueAt(lease: HeldLease): number {
  return lease.settling ? Infinity : lease.renewedAt + lease.visibilityMs / 3
}

/** Returns whether a lease needs its first renewal: Redis lets a new entry idle for the queue's timeout, and learns of a shorter one by it. */
export function isFirstOfShort(lease: HeldLease, visibilityMs: number): boolean {
  return lease.visibilityMs < visibilityMs && lease.renewedAt === lease.claimedAt && !lease.settling
}

/**
 * Starts two loops: one renews leases three times per visibility timeout; the other aborts the runs of those that are
 * lost, because a renewal that gets no answer must not hold up the abort.
 */
export function startRenewal(leases: LeaseTable): Loop[] {
  const { visibilityMs } = leases.settings
  const firstDelayMs = visibilityMs / 3

  async function renewDue(): Promise<number> {
    const now = performance.now()
    const due: HeldLease[] = []
    // A lease that is almost due is renewed too, so that renewals gather into few calls.
    for (const lease of leases.held)
      if (dueAt(lease) - now < lease.visibilityMs / 12 || isFirstOfShort(lease, visibilityMs)) due.push(lease)
    await leases.renew(due)
    let nextMs = visibilityMs / 3
    const after = performance.now()
    for (const lease of leases.held) nextMs = Math.min(nextMs, dueAt(lease) - after)
    return Math.max(1, nextMs)
  }

  function loseExpired(): Promise<number> {
    const now = performance.now()
    let nextMs = visibilityMs / 3
    for (const lease of leases.held) {
      const leftMs = lease.renewedAt + lease.visibilityMs * GIVE_UP - now
      if (leftMs > 0) nextMs = Math.min(nextMs, leftMs)
      else if (!lease.settling) leases.lose(lease)
    }
    return Promise.resolve(Math.max(1, nextMs))
  }

  const onError = (error: unknown): void => leases.report(error, 'renew')
  const errorDelayMs = (failures: number): number => errorDelay(failures, visibilityMs / 10)
  return [
    startLoop(renewDue, onError, { firstDelayMs, errorDelayMs }),
    startLoop(loseExpired, onError, { firstDelayMs }),
  ]
}
