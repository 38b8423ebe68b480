import type { Claim, ClaimAnswer, SkipReason } from '../domain/claim.ts'
import type { Database } from './database.ts'
import type { PaymentStatus } from '../domain/payment.ts'
import { passStep } from '../tracing.ts'
import { recordType, type RecordType } from './records.ts'
import { statement } from './statements.ts'

/** Who claims, for how long and for which gateway. */
export interface ClaimOptions {
  /** The worker's name; shown, never compared. */
  readonly owner: string
  /** Length of the lease in milliseconds, by the database clock. */
  readonly leaseMs: number
  /** The gateway at which new attempts begin; open attempts of another one are left alone. */
  readonly gateway: string
}

const claim = statement<Claim>('claim')

/** Claims payments. When it resolves, the key of each attempt is on disk and a first byte may be sent. */
export async function claimMany(
  sql: Database,
  ids: readonly string[],
  options: ClaimOptions,
): Promise<ClaimAnswer[]> {
  const claimed = await claim(sql, { ids, ...options })
  if (claimed.length > 0) passStep('payments.claimed', () => claimed.map(({ paymentId }) => paymentId))
  const claims = new Map(claimed.map((one) => [one.paymentId, one]))
  const skipped = await explainMany(
    sql,
    ids.filter((id) => !claims.has(id)),
    options.gateway,
  )
  return ids.map((id) => {
    const found = claims.get(id)
    // An id that was asked for twice is claimed once.
    claims.delete(id)
    if (found !== undefined) return { kind: 'claimed', claim: found }
    return (
      skipped.get(id) ?? { kind: 'skipped', reason: 'leased', status: 'PROCESSING', waitMs: options.leaseMs }
    )
  })
}

const explainSkipped = statement<{
  readonly id: string
  readonly status: PaymentStatus
  readonly reason: SkipReason
  readonly waitMs: number
}>('explain_skipped')

async function explainMany(
  sql: Database,
  ids: readonly string[],
  gateway: string,
): Promise<Map<string, ClaimAnswer>> {
  const answers = new Map<string, ClaimAnswer>()
  if (ids.length === 0) return answers
  for (const id of ids) answers.set(id, { kind: 'skipped', reason: 'not_found', status: null, waitMs: 0 })
  for (const { id, ...why } of await explainSkipped(sql, { ids, gateway }))
    answers.set(id, { kind: 'skipped', ...why })
  return answers
}

/** A claim to extend. */
export interface HeldClaim {
  readonly paymentId: string
  readonly fence: number
}

/** A claim as records of the database hold it. */
export const claimRecord: RecordType<HeldClaim> = recordType('payment_claim', {
  id: ({ paymentId }) => paymentId,
  fence: ({ fence }) => fence,
})

const renew = statement<{ readonly id: string; readonly fence: number }>('renew')

/** Extends leases that are still held; resolves with whether each one was. */
export async function renewMany(
  sql: Database,
  held: readonly HeldClaim[],
  leaseMs: number,
): Promise<boolean[]> {
  return isAmong(held, await renew(sql, { claims: claimRecord.encode(held), leaseMs }))
}

/** Returns for each claim whether a statement wrote it. */
export function isAmong(
  claims: readonly HeldClaim[],
  written: readonly { readonly id: string; readonly fence: number }[],
): boolean[] {
  const keys = new Set(written.map(({ id, fence }) => `${id} ${fence}`))
  return claims.map(({ paymentId, fence }) => keys.has(`${paymentId} ${fence}`))
}

/** Names the attempt that a gateway has an answer for. */
export interface SeizedAttempt {
  readonly paymentId: string
  readonly attemptNo: number
  readonly gateway: string
  /** Shown as the actor of the event. */
  readonly actor: string
}

/** Covers the time between this statement and the settlement, in milliseconds. */
const SEIZED_LEASE_MS = 5_000

const seizeAttempt = statement<Claim>('seize')

/** Takes a payment with an open attempt from its holder; undefined when the attempt is not open. */
export async function seize(sql: Database, attempt: SeizedAttempt): Promise<Claim | undefined> {
  return (await seizeAttempt(sql, { ...attempt, leaseMs: SEIZED_LEASE_MS }))[0]
}
