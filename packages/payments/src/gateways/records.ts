import type { MovementKind } from '../domain/identifiers.ts'

/** The states of money at a gateway. `authorized`: reserved and not captured. `pending`: it decides later. */
export const MONEY_STATUSES = ['pending', 'authorized', 'succeeded', 'failed', 'canceled'] as const
export type MoneyStatus = (typeof MONEY_STATUSES)[number]

/**
 * The states of a dispute, whatever a gateway calls them. `inquiry`: the bank asks, and no money has moved. `closed`: it
 * ended without a decision.
 */
export const DISPUTE_STATUSES = [
  'inquiry',
  'needs_response',
  'under_review',
  'won',
  'lost',
  'closed',
] as const
export type DisputeStatus = (typeof DISPUTE_STATUSES)[number]

interface RecordFacts {
  /** The gateway's id of it; of the charge, for a capture or void that has none. */
  readonly gatewayRef: string
  /** Our key of it, as the gateway has it; absent when it was not made here. */
  readonly gatewayKey?: string | undefined
  /** The gateway's id of the charge that a capture, void, refund or dispute is about, by which attempts are stored. */
  readonly chargeRef?: string | undefined
  /** Minor units of the currency: what moved, or was to move. */
  readonly amount: number
  readonly currency: string
  /** When it was made, by the gateway's clock. */
  readonly at: Date
}

/** Money that a gateway has on record. */
export interface MoneyRecord extends RecordFacts {
  readonly kind: MovementKind
  readonly status: MoneyStatus
}

/** A charge that its cardholder disputes. */
export interface DisputeRecord extends RecordFacts {
  readonly kind: 'dispute'
  readonly chargeRef: string
  readonly status: DisputeStatus
  /** Why, in the gateway's words. */
  readonly reason?: string | undefined
  /** Until when the merchant can answer. */
  readonly respondBy?: Date | undefined
}

/** What a gateway has on record, as it is now. */
export type GatewayRecord = MoneyRecord | DisputeRecord

/** Which records to list. */
export interface ListRequest {
  /** The earliest time of a record. */
  readonly since: Date
  /** The end of their times, exclusive. */
  readonly until: Date
  /** `next` of the page before. */
  readonly cursor?: string | undefined
}

/** A page of records, in any order. */
export interface RecordPage {
  readonly records: readonly GatewayRecord[]
  /** Where the next page begins; absent after the last one. A page may be empty and have a next one. */
  readonly next?: string | undefined
}
