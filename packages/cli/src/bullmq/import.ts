import { searchDeadLetters, type DeadLetter, type Inspector, type Queue } from '@titan/queue-core'
import type { AnyJobs } from '../commands/queue.ts'
import type { OnProgress } from '../terminal.ts'
import { mapJob, type BullJob, type Mapping } from './mapping.ts'
import { createTally, type Tally } from './report.ts'
import { moveSchedules } from './schedules.ts'
import { MOVABLE, type BullQueue, type InTransit, type MovableState } from './source.ts'

/** What is moved where, and how. */
export interface ImportOptions extends Mapping {
  readonly from: BullQueue
  readonly queue: Queue<AnyJobs>
  readonly inspector: Inspector
  /** The target's clock, epoch milliseconds. */
  readonly clock: () => Promise<number>
  /** Zone of cron patterns without one, IANA name. */
  readonly timeZone: string
  /** Enqueues failed jobs again, too. */
  readonly failed: boolean
  /** How long the target's workers remember the id of a done job, in milliseconds. */
  readonly dedupeMs: number
  /** Jobs per step. */
  readonly batch: number
  /** Counts only. */
  readonly dryRun: boolean
  readonly signal: AbortSignal
  readonly onProgress: OnProgress
}

/** State of one run. */
interface Run extends ImportOptions {
  readonly tally: Tally
  /** Keys of the repeating jobs whose jobs are not moved one by one. */
  readonly repeating: ReadonlyMap<string, 'moves' | 'stays'>
}

/**
 * Moves the jobs of a BullMQ queue. Each step is: take jobs out of BullMQ's reach, enqueue them under ids that deduplicate,
 * delete them at the source. An import that was interrupted anywhere is continued by the next one: what was taken is
 * enqueued first, and what had been enqueued is a duplicate.
 *
 * @throws errors of Redis as they are; a repeat continues
 */
export async function importQueue(options: ImportOptions): Promise<Tally> {
  const tally = createTally()
  await finishInterrupted(options, tally)
  const repeating = await moveSchedules(options, tally)
  const run: Run = { ...options, tally, repeating }
  // Delayed jobs become ready meanwhile, and producers may still add some: again until nothing was left to take.
  let moved: number
  do {
    moved = tally.movedJobs()
    tally.beginPass()
    for (const state of statesOf(options)) await moveState(run, state)
    moved = tally.movedJobs() - moved
  } while (!options.dryRun && moved > 0 && !options.signal.aborted)
  await countOthers(options, tally)
  if (options.signal.aborted) tally.interrupt()
  return tally
}

/** The states whose jobs an import moves. */
export function statesOf({ failed }: Pick<ImportOptions, 'failed'>): readonly MovableState[] {
  return MOVABLE.filter((state) => failed || state !== 'failed')
}

/** Moves what can be moved of a state; what stays is passed over. */
async function moveState(run: Run, state: MovableState): Promise<void> {
  const { from, batch, maxPayloadBytes, signal } = run
  for (let skip = 0; !signal.aborted;) {
    const page = await from.page(state, skip, batch)
    if (page.length === 0) return
    // Version 4 keeps markers among the waiting jobs.
    const ids = page.filter((id) => !id.startsWith('0:'))
    const jobs = ids.length === 0 ? [] : await from.read(ids, maxPayloadBytes)
    const movable = jobs.flatMap((job, at) => choose(run, state, ids[at] ?? '', job))
    const taken = run.dryRun || movable.length === 0 ? 0 : await moveJobs(run, state, movable)
    if (run.dryRun) run.tally.moved(state, movable.length)
    skip += page.length - taken
    run.onProgress(run.tally.movedJobs())
  }
}

/** The job, if it can be moved; else counts why it stays. */
function choose(run: Run, state: MovableState, id: string, job: BullJob | undefined): BullJob[] {
  const { tally, repeating } = run
  if (job === undefined) {
    tally.stays(state, 'missing', id)
    return []
  }
  const schedule = job.scheduleKey === undefined ? undefined : repeating.get(job.scheduleKey)
  if (schedule === 'stays') tally.stays(state, 'repeating', id)
  // In a dry run: the schedule brings it along.
  if (schedule !== undefined) return []
  const mapped = mapJob(job, run)
  if ('stays' in mapped) {
    tally.stays(state, mapped.stays, id)
    return []
  }
  if (run.dryRun) tally.changed(mapped.changes)
  return [job]
}

/** Takes, enqueues and deletes jobs of a state. Returns how many were taken. */
async function moveJobs(run: Run, state: MovableState, jobs: readonly BullJob[]): Promise<number> {
  const { from, tally } = run
  const parked = await from.park(state, jobs)
  const taken = parked.flatMap((transit, at) => {
    const job = jobs[at]
    return transit === undefined || job === undefined ? [] : [{ transit, job }]
  })
  for (const [at, transit] of parked.entries())
    if (transit === undefined) tally.stays(state, 'changed', jobs[at]?.id ?? '')
  const already = await enqueue(run, taken, tally)
  await from.drop(taken.map(({ transit }) => transit))
  tally.moved(state, taken.length - already.length)
  tally.alreadyThere(already)
  return taken.length
}

/** Enqueues jobs that were taken. Returns the ids of those that were there already. */
async function enqueue(
  options: ImportOptions,
  taken: readonly { readonly transit: InTransit; readonly job: BullJob }[],
  tally: Tally,
): Promise<string[]> {
  const mapped = taken.map(({ transit, job }) => {
    const result = mapJob(job, options, { dueAt: transit.dueAt, isRetry: transit.state === 'failed' })
    if ('stays' in result) throw new Error(`job ${job.id} became ${result.stays} after it was taken`)
    tally.changed(result.changes)
    return result.job
  })
  const results = await options.queue.enqueueMany(mapped)
  return results.flatMap(({ id, duplicate }) => (duplicate ? [id] : []))
}

/** Continues an interrupted import: what it took may be in the target already, or not. */
async function finishInterrupted(options: ImportOptions, tally: Tally): Promise<void> {
  const { from, batch, maxPayloadBytes, dryRun } = options
  for (let skip = 0; !options.signal.aborted;) {
    const page = await from.inTransit(skip, batch)
    if (page.length === 0) return
    const jobs = await from.read(
      page.map(({ id }) => id),
      maxPayloadBytes,
    )
    const found = page.flatMap((transit, at) => {
      const job = jobs[at]
      const mapped = job === undefined ? undefined : mapJob(job, options, { dueAt: transit.dueAt })
      if (job !== undefined && mapped !== undefined && 'job' in mapped)
        return [{ transit, job, id: mapped.job.id ?? '' }]
      const reason = mapped !== undefined && 'stays' in mapped ? mapped.stays : 'missing'
      tally.stays('in transit', reason, transit.id)
      return []
    })
    const settled = dryRun ? found : await settleInterrupted(options, tally, found)
    if (dryRun) tally.resumed(found.length)
    skip += dryRun ? page.length : page.length - settled.length
  }
}

interface Found {
  readonly transit: InTransit
  readonly job: BullJob
  /** Its id in the target. */
  readonly id: string
}

/** Enqueues and deletes what was in transit, unless the target may have forgotten its id. Returns what was settled. */
async function settleInterrupted(
  options: ImportOptions,
  tally: Tally,
  found: readonly Found[],
): Promise<readonly Found[]> {
  const { from, queue, inspector, dedupeMs } = options
  const [now, targetNow] = await Promise.all([from.now(), options.clock()])
  const takenAt = new Map(found.map(({ id, transit }) => [id, targetNow - (now - transit.takenAt)]))
  // An older dead letter of the same id is that of another job.
  const isOurs = ({ id, deadAt }: DeadLetter): boolean => deadAt >= (takenAt.get(id) ?? Infinity)
  const dead = await searchDeadLetters(queue, isOurs, { limit: Infinity })
  const known = new Set(dead.deadLetters.map(({ id }) => id))
  const toSend: Found[] = []
  const toDrop: Found[] = []
  for (const entry of found) {
    const isOld = now - entry.transit.takenAt > dedupeMs
    if (known.has(entry.id) || (isOld && (await inspector.find(entry.id)) !== undefined)) toDrop.push(entry)
    else if (isOld) tally.stays('in transit', 'unclear', entry.transit.id)
    else toSend.push(entry)
  }
  if (toSend.length > 0) await enqueue(options, toSend, tally)
  const settled = [...toSend, ...toDrop]
  tally.resumed(await from.drop(settled.map(({ transit }) => transit)))
  return settled
}

/** Counts what no import moves. */
async function countOthers({ from, failed }: ImportOptions, tally: Tally): Promise<void> {
  tally.staysMany('active', 'active', await from.count('active'))
  tally.staysMany('waiting-children', 'flow', await from.count('waiting-children'))
  tally.staysMany('grouped', 'groups', await from.count('groups'))
  if (!failed) tally.staysMany('failed', 'failed', await from.count('failed'))
}
