import { types } from 'node:util'
import { RetryError } from './errors.ts'
import type { FailureCause } from './job.ts'
import type { Fence } from './fence.ts'
import { textOf } from './text-of.ts'

/** What a worker or consumer was doing when it met an error. */
export const ERROR_SOURCES = [
  'connect',
  'read',
  'control',
  'promote',
  'reclaim',
  'renew',
  'settle',
  'dedupe',
  'backoff',
  'limit',
  'heartbeat',
  'schedule',
  'stop',
] as const

/** One of {@link ERROR_SOURCES}. */
export type ErrorSource = (typeof ERROR_SOURCES)[number]

/** A job as events name it. */
export interface EventJob extends Fence {
  /** Id of the job. */
  readonly id: string
  /** Name of the job, '' when its entry could not be read. */
  readonly name: string
  /** Number of the attempt, from 1. */
  readonly attempt: number
}

/**
 * Everything a worker tells, in one union. `onEvent` is called synchronously and must not throw;
 * an error it throws is reported on the console and ignored.
 */
export type QueueEvent =
  /** The handler begins. `waitedMs`: from ready to begun, by this host's clock. */
  | { readonly type: 'started'; readonly job: EventJob; readonly waitedMs: number }
  /** The handler returned and the ack is stored. */
  | { readonly type: 'completed'; readonly job: EventJob; readonly durationMs: number }
  /** The job will be tried again in `delayMs`. */
  | {
      readonly type: 'retried'
      readonly job: EventJob
      readonly cause: FailureCause
      readonly error: unknown
      readonly delayMs: number
    }
  /** Dead letters beyond the bounds of the worker's `deadLetters` were deleted, the oldest ones. */
  | { readonly type: 'deadLettersDropped'; readonly queue: string; readonly count: number }
  /** The job is a dead letter. */
  | {
      readonly type: 'deadLettered'
      readonly job: EventJob
      readonly cause: FailureCause
      readonly error: unknown
    }
  /** Given back unfinished: by a stop, a pause, or since no slot came free for it here. Costs no attempt. */
  | { readonly type: 'released'; readonly job: EventJob }
  /** Another worker may run the job: its signal is aborted and its result is void. */
  | { readonly type: 'leaseLost'; readonly job: EventJob }
  /**
   * The connection broke while a job's end was stored, or the server refused it, which an `error` tells: it is
   * stored, or the job will be delivered again.
   */
  | { readonly type: 'settleUnknown'; readonly job: EventJob }
  /** Taken over from a worker that died, stalled or released it. */
  | { readonly type: 'reclaimed'; readonly job: EventJob; readonly from: string; readonly crashes: number }
  /** Acked without running, since a job of this id is done. */
  | { readonly type: 'skipped'; readonly job: EventJob }
  /** The handler is still running although its signal was aborted; its slot is free again. */
  | { readonly type: 'zombie'; readonly job: EventJob }
  /** Stream entries whose content another client deleted while they were pending. */
  | { readonly type: 'entriesVanished'; readonly entryIds: readonly string[] }
  /** The consumer group was gone (flushed, restored or fresh server) and was recreated. */
  | { readonly type: 'groupCreated'; readonly queue: string }
  /** The queue was paused or resumed. */
  | { readonly type: 'paused' | 'resumed'; readonly queue: string }
  /** A setting of the server that endangers jobs. */
  | { readonly type: 'warning'; readonly message: string }
  /** A loop met an error and continues after a backoff. */
  | { readonly type: 'error'; readonly error: unknown; readonly during: ErrorSource }

/** Listener for {@link QueueEvent}. */
export type OnEvent = (event: QueueEvent) => void

/** Longest text of an error in a warning, in characters. */
const WARNING_LIMIT = 300

/**
 * Calls the listener so that its failure cannot hurt the engine. Without a listener, what needs a person warns on the
 * console, once of each kind. `who` names the worker there.
 */
export function guardListener(onEvent: OnEvent | undefined, who = 'a worker'): OnEvent {
  if (onEvent === undefined) return warnOnce(who)
  return (event) => {
    const report = (error: unknown): void => reportListener(event, error)
    try {
      // An async function is a listener too, as far as its type can tell.
      const returned: unknown = onEvent(event)
      if (types.isPromise(returned)) returned.catch(report)
    } catch (error) {
      report(error)
    }
  }
}

/** Writes a listener's error to the console; what cannot be written as it is, as text. */
function reportListener({ type }: QueueEvent, error: unknown): void {
  for (const shown of [error, textOf(error)]) {
    try {
      return console.error('titan-queue: onEvent threw on', type, shown)
    } catch {
      // The value cannot be inspected, or the console is closed.
    }
  }
}

function warnOnce(who: string): OnEvent {
  const reported = new Set<string>()
  return (event) => {
    const kind = kindOf(event)
    if (kind === undefined || reported.has(kind)) return
    reported.add(kind)
    const text = `titan-queue: ${who}: ${describe(event)}. Give onEvent to get every event; this is the only warning of its kind`
    try {
      console.warn(text)
    } catch {
      // The console is closed.
    }
  }
}

/** What a warning is about; undefined where none is due. A handler that asks for a retry is no trouble. */
function kindOf(event: QueueEvent): string | undefined {
  if (event.type === 'error') return `error ${event.during}`
  if (event.type === 'deadLettered' || event.type === 'retried') {
    if (event.cause === 'unknown_job') return event.cause
    return event.error instanceof RetryError ? undefined : event.type
  }
  return event.type === 'warning' || event.type === 'zombie' ? event.type : undefined
}

function describe(event: QueueEvent): string {
  if (event.type === 'warning') return event.message
  if (event.type === 'error') return `error during ${event.during}: ${lineOf(event.error)}`
  if (!('job' in event)) return event.type
  const job = `job ${JSON.stringify(event.job.name)} (${event.job.id})`
  if (event.type === 'zombie') return `${job} ignores its aborted signal`
  if (event.type === 'deadLettered') return `${job} is a dead letter, ${event.cause}: ${lineOf(event.error)}`
  if (event.type !== 'retried') return `${job} ${event.type}`
  const failure = event.cause === 'unknown_job' ? 'has no handler' : `failed in attempt ${event.job.attempt}`
  return `${job} ${failure} and is tried again in ${event.delayMs} ms: ${lineOf(event.error)}`
}

/** The text of an error in one line. */
const lineOf = (error: unknown): string => textOf(error, WARNING_LIMIT).replaceAll(/\s+/g, ' ')
