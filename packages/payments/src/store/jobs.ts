import type { PaymentPriority } from '../domain/request.ts'
import type { Database, Queryable } from './database.ts'
import { statement } from './statements.ts'

/** A job that a payment needs now or later. */
export interface DueJob {
  readonly paymentId: string
  /** Which scheduling of the payment this is; part of the job's id. */
  readonly scheduleNo: number
  /** Milliseconds until the job should be ready. */
  readonly delayMs: number
  /** The trace that the payment continues. */
  readonly traceparent?: string | null | undefined
  /** @default 'default' */
  readonly priority?: PaymentPriority | null | undefined
}

/** A PENDING payment, for the relay. */
export type PendingPayment = Pick<DueJob, 'traceparent' | 'priority'> & { readonly id: string }

const mark = statement<{ readonly id: string }>('mark_queued')

/** Marks payments QUEUED that were just enqueued; resolves with how many were still PENDING. */
export async function markQueued(sql: Queryable, ids: readonly string[], actor: string): Promise<number> {
  return (await mark(sql, { ids, actor })).length
}

/** Which payments a relay run takes, and what it does with them before they are marked. */
export interface RelayBatch {
  readonly limit: number
  /** Leaves younger payments to the program that created them. */
  readonly minAgeMs: number
  readonly actor: string
  /** Puts the jobs into the queue. When it rejects, the payments stay PENDING. */
  readonly enqueue: (payments: readonly PendingPayment[]) => Promise<void>
}

const lockPending = statement<PendingPayment>('lock_pending')

/**
 * Relays PENDING payments, oldest first; resolves with how many. The jobs are in the queue before the mark commits: a
 * crash in between leaves a job too many, never a payment without one.
 */
export async function relayPending(
  sql: Database,
  { limit, minAgeMs, actor, enqueue }: RelayBatch,
): Promise<number> {
  return sql.begin(async (transaction) => {
    const payments = await lockPending(transaction, { minAgeMs, limit })
    if (payments.length === 0) return 0
    await enqueue(payments)
    const ids = payments.map(({ id }) => id)
    await markQueued(transaction, ids, actor)
    return ids.length
  })
}

const expire = statement<{ readonly paymentId: string; readonly ageMs: number }>('expire_due')
const expired = statement<{ readonly paymentId: string; readonly gateway: string }>('find_expired')

/** Ends payments whose time was over before any attempt was made for them. */
export function expireDue(sql: Database, limit: number, actor: string) {
  return expire(sql, { limit, actor })
}

/** Finds payments whose time was over before their open or next attempt was sent. */
export function findExpired(sql: Database, limit: number) {
  return expired(sql, { limit })
}

/** Where Redis has a job: a worker holds it, or it waits for one, perhaps with a delay. */
export interface FoundJob {
  readonly isHeld: boolean
  readonly delayMs: number
}

/** Finds where Redis has the jobs of payments. */
export type FindJobs = (
  jobs: readonly Omit<DueJob, 'delayMs'>[],
) => Promise<ReadonlyMap<string, FoundJob | undefined>>

/** When a job that should be there is believed lost. */
export interface LostJobs {
  readonly limit: number
  /** QUEUED payments that have been due for longer than this have no job any more. */
  readonly queuedAgeMs: number
  /** PROCESSING payments whose lease ended or whose next question is due for longer than this have none. */
  readonly processingAgeMs: number
  readonly actor: string
  /** Called before a payment counts as lost. @default the age alone decides */
  readonly findJobs?: FindJobs | undefined
}

const findOverdue = statement<Overdue>('find_overdue')
const takeLostJobs = statement<DueJob>('take_lost')

/** Takes payments whose job is lost and gives each a new scheduling. */
export async function takeLost(sql: Database, { findJobs, ...lost }: LostJobs): Promise<DueJob[]> {
  if (findJobs !== undefined)
    await postponePresent(sql, lost.limit, findJobs, (seen) => findOverdue(sql, { ...lost, seen }))
  return takeLostJobs(sql, lost)
}

/** Which payments that wait are woken. */
export interface WaitingJobs extends Pick<LostJobs, 'limit' | 'actor' | 'findJobs'> {
  /** Payments whose next step is due for longer than this have no job. */
  readonly ageMs: number
}

const findWaiting = statement<Overdue>('find_waiting')
const wake = statement<DueJob>('wake_waiting')

/** Wakes payments that wait for capture, customer or gateway and have a step due: gives each a new scheduling. */
export async function wakeWaiting(sql: Database, { findJobs, ...waiting }: WaitingJobs): Promise<DueJob[]> {
  if (findJobs !== undefined)
    await postponePresent(sql, waiting.limit, findJobs, (seen) => findWaiting(sql, { ...waiting, seen }))
  return wake(sql, waiting)
}

interface Overdue extends Omit<DueJob, 'delayMs'> {
  /** A worker claimed the payment and its lease expired, so the worker that holds the job may be dead. */
  readonly isLeaseOver: boolean
}

const postpone = statement('postpone')

/**
 * Postpones payments whose job is not lost: it waits in the backlog, or a worker holds it without a claim because the
 * gateway is down. One with a delay is not examined before it is due, so that an outage costs few writes.
 */
async function postponePresent(
  sql: Database,
  limit: number,
  findJobs: FindJobs,
  find: (seen: readonly string[]) => Promise<Overdue[]>,
): Promise<void> {
  const seen: string[] = []
  for (;;) {
    const overdue = await find(seen)
    if (overdue.length === 0) return
    const places = await findJobs(overdue)
    const present = overdue.flatMap(({ paymentId: id, isLeaseOver }) => {
      const found = places.get(id)
      return found === undefined || (found.isHeld && isLeaseOver) ? [] : [{ id, delayMs: found.delayMs }]
    })
    const ids = present.map(({ id }) => id)
    if (ids.length === 0) return
    await postpone(sql, { ids, delaysMs: present.map(({ delayMs }) => delayMs) })
    if (overdue.length < limit) return
    seen.push(...ids)
  }
}

/** Where a page of {@link unfinishedJobs} ended. */
export interface UnfinishedCursor {
  /** `next_run_at` of the last row, as text: a Date would lose its microseconds. */
  readonly at: string
  readonly id: string
}

const readUnfinished = statement<DueJob & { readonly at: string }>('unfinished_jobs')

/**
 * Reads a page of the jobs that should exist for payments of a working state, in the order they are due; no `next` after
 * the last page. A payment that moves while the pages are read is in the hands of a living worker, so it does not matter
 * on which side of the cursor it lands.
 */
export async function unfinishedJobs(
  sql: Database,
  status: 'QUEUED' | 'PROCESSING',
  after: UnfinishedCursor | undefined,
  limit: number,
): Promise<{ readonly jobs: DueJob[]; readonly next: UnfinishedCursor | undefined }> {
  const { at, id } = after ?? { at: '-infinity', id: '' }
  const jobs = await readUnfinished(sql, { status, at, id, limit })
  const last = jobs.length < limit ? undefined : jobs.at(-1)
  return { jobs, next: last && { at: last.at, id: last.paymentId } }
}
