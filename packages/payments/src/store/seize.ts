import type { Claim } from '../flow/claim.ts'
import type { Database } from './database.ts'
import { statement } from './statements.ts'

/** Names the attempt that somebody else than a worker has an answer for. */
export interface SeizedAttempt {
  readonly paymentId: string
  readonly attemptNo: number
  readonly gateway: string
  /** Shown as the actor of the event. */
  readonly actor: string
}

/** Covers the time between this statement and the settlement, in milliseconds. */
const LEASE_MS = 5_000

const seizeAttempt = statement<Claim>('seize')

/** Takes a payment with an open attempt from its holder; undefined when the attempt is not open. */
export async function seize(sql: Database, attempt: SeizedAttempt): Promise<Claim | undefined> {
  const [claim] = await seizeAttempt(sql, { ...attempt, leaseMs: LEASE_MS })
  return claim
}
