import type { BreakKind, Database } from '@titan/payments'
import { statement } from './statements.ts'

/** A payment that a worker holds. */
export interface HeldPayment {
  readonly id: string
  readonly amount: number
  readonly currency: string
  readonly owner: string
  readonly fence: number
  readonly until: Date
  /** Milliseconds until the lease ends by the clock of the database; negative once it has. */
  readonly remainingMs: number
  /** Whether the outcome at the gateway is unknown. */
  readonly isUnknown: boolean
}

/** A payment in review. */
export interface ParkedPayment {
  readonly id: string
  readonly amount: number
  readonly currency: string
  readonly idempotencyKey: string
  readonly gateway: string | null
  readonly attemptNo: number
  readonly parkedAt: Date
  /** Why it is in review, from the event that parked it last. */
  readonly reason: string | null
  /** Its oldest open contradiction. */
  readonly breakKind: BreakKind | null
  readonly charge: string | null
  /** What was charged, in minor units. */
  readonly chargedAmount: number | null
  readonly chargedCurrency: string | null
}

const held = statement<HeldPayment>('held_payments')
const parked = statement<ParkedPayment>('parked_payments')

/** Lists payments under a lease, those that are due first. */
export async function listHeld(sql: Database, limit: number): Promise<HeldPayment[]> {
  return held(sql, { rowLimit: limit })
}

/** Lists payments in review, longest waiting first. */
export async function listParked(sql: Database, limit: number): Promise<ParkedPayment[]> {
  return parked(sql, { rowLimit: limit })
}
