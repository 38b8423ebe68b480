import type { Database } from '@titan/payments'
import {
  dispatchDue,
  failUnsendable,
  loadSendable,
  releaseDispatches,
  type Dispatch,
  type DispatchBatch,
  type Sendable,
} from './statements/dispatch.ts'
import { prune, type Pruned, type PruneBatch } from './statements/prune.ts'
import { fanOut } from './statements/publish.ts'
import {
  recordFailure,
  recordSuccess,
  type AttemptReport,
  type FailureLimits,
  type FailureReport,
  type RecordedFailure,
} from './statements/record.ts'

/** What the sender does with the tables. Each verb is one transaction, and safe for any number of programs. */
export interface DeliveryStore {
  /** Turns noted events into deliveries; answers how many notes it took. */
  fanOut(limit: number): Promise<number>
  /** Takes deliveries that are due. */
  dispatchDue(batch: DispatchBatch): Promise<Dispatch[]>
  /** Gives back what could not be handed over. */
  release(dispatches: readonly Dispatch[]): Promise<void>
  /** Ends due deliveries of endpoints that get nothing any more; answers how many. */
  failUnsendable(limit: number): Promise<number>
  /** What an attempt needs; undefined when this handing-over no longer counts. */
  load(dispatch: Dispatch, leaseMs: number): Promise<Sendable | undefined>
  /** False when the handing-over no longer counts, and nothing was changed. */
  recordSuccess(report: AttemptReport): Promise<boolean>
  /** Undefined when the handing-over no longer counts, and nothing was changed. */
  recordFailure(report: FailureReport, limits: FailureLimits): Promise<RecordedFailure | undefined>
  /** Deletes old events of which nothing is under way. */
  prune(batch: PruneBatch): Promise<Pruned>
}

/** The store over an open, migrated database. */
export function createDeliveryStore(sql: Database): DeliveryStore {
  return {
    fanOut: (limit) => fanOut(sql, limit),
    dispatchDue: (batch) => dispatchDue(sql, batch),
    release: (dispatches) => releaseDispatches(sql, dispatches),
    failUnsendable: (limit) => failUnsendable(sql, limit),
    load: (dispatch, leaseMs) => loadSendable(sql, dispatch, leaseMs),
    recordSuccess: (report) => recordSuccess(sql, report),
    recordFailure: (report, limits) => recordFailure(sql, report, limits),
    prune: (batch) => prune(sql, batch),
  }
}
