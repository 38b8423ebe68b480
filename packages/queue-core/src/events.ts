import type { FailureCause } from './job.ts'
import type { Fence } from './lease.ts'
import { textOf } from './text-of.ts'

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
  /** The handler goes on although its signal was aborted; its slot was given up. */
  | { readonly type: 'zombie'; readonly job: EventJob }
  /** Stream entries whose payload was deleted by somebody else while they were pending. */
  | { readonly type: 'entriesVanished'; readonly entryIds: readonly string[] }
  /** The consumer group was gone (flushed, restored or fresh server) and was made anew. */
  | { readonly type: 'groupCreated'; readonly queue: string }
  /** The queue was paused or resumed. */
  | { readonly type: 'paused' | 'resumed'; readonly queue: string }
  /** A setting of the server that endangers jobs. */
  | { readonly type: 'warning'; readonly message: string }
  /** A loop met an error and goes on with backoff. */
  | { readonly type: 'error'; readonly error: unknown; readonly during: string }

/** Listener for {@link QueueEvent}. */
export type OnEvent = (event: QueueEvent) => void

/** Calls the listener so that its failure cannot hurt the engine. */
export function guardListener(onEvent: OnEvent | undefined): OnEvent {
  if (onEvent === undefined) return () => undefined
  return (event) => {
    const report = (error: unknown): void => reportListener(event, error)
    try {
      // An async function is a listener too, as far as its type can tell.
      const returned: unknown = onEvent(event)
      if (returned instanceof Promise) returned.catch(report)
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
