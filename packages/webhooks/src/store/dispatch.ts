import type { Database } from '@titan/payments'
import { statement } from './statements.ts'

/** A delivery that is to be sent now. */
export interface Dispatch {
  readonly deliveryId: number
  /** Counts how often the delivery was dispatched; a result counts for the latest one only. */
  readonly dispatchNo: number
  /** The trace of the payment behind it. */
  readonly traceparent?: string | null
}

/** How much to dispatch, and for how long. */
export interface DispatchBatch {
  readonly limit: number
  /** Time after which a delivery without a result is due again, in milliseconds. */
  readonly leaseMs: number
  /** Most deliveries of one endpoint in flight. */
  readonly maxPerEndpoint: number
}

const lockDispatch = statement<{ readonly isHeld: boolean }>('lock_dispatch')
const dispatch = statement<Dispatch>('dispatch_due')

/** Dispatches deliveries that are due. One program at a time; returns nothing to the others. */
export async function dispatchDue(sql: Database, batch: DispatchBatch): Promise<Dispatch[]> {
  const { limit, leaseMs, maxPerEndpoint } = batch
  return sql.begin(async (transaction): Promise<Dispatch[]> => {
    const [lock] = await lockDispatch(transaction, {})
    return lock?.isHeld === true ? dispatch(transaction, { maxPerEndpoint, most: limit, leaseMs }) : []
  })
}

const release = statement('release_dispatches')

/** Releases deliveries that could not be enqueued. */
export async function releaseDispatches(sql: Database, dispatches: readonly Dispatch[]): Promise<void> {
  await release(sql, {
    deliveryIds: dispatches.map(({ deliveryId }) => deliveryId),
    dispatchNos: dispatches.map(({ dispatchNo }) => dispatchNo),
  })
}

const failDue = statement('fail_unsendable')

/** Ends deliveries that are due at endpoints that are disabled or deleted. Returns their number. */
export async function failUnsendable(sql: Database, limit: number): Promise<number> {
  return (await failDue(sql, { most: limit })).length
}

/** What one attempt needs. */
export interface Sendable extends Dispatch {
  readonly endpointId: string
  readonly url: string
  readonly eventId: string
  readonly payload: string
  /** Attempts of this run through the schedule so far. */
  readonly tries: number
  /** Encrypted. */
  readonly secret: Buffer
  /** The secret before, while it still signs. */
  readonly oldSecret: Buffer | null
}

const load = statement<Omit<Sendable, keyof Dispatch>>('load_delivery')

/** Loads a delivery and restarts its lease. Undefined when the dispatch is stale. */
export async function loadSendable(
  sql: Database,
  { deliveryId, dispatchNo }: Dispatch,
  leaseMs: number,
): Promise<Sendable | undefined> {
  const [row] = await load(sql, { deliveryId, dispatchNo, leaseMs })
  return row && { ...row, deliveryId, dispatchNo }
}
