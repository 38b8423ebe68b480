import { isDeepStrictEqual } from 'node:util'
import type { Claim, ClaimAnswer, Settlement, SkipReason } from '../domain/claim.ts'
import { kindOf } from '../domain/identifiers.ts'
import type { GatewayMode } from '../gateways/gateway.ts'
import type { PaymentStatus } from '../domain/payment.ts'
import { passStep } from '../tracing.ts'
import type { Database, Queryable } from './database.ts'
import { toClaim, toFirstClaim, type ClaimRow, type FirstClaimRow } from './rows.ts'
import { recordType, statement } from './statements.ts'

/** Who claims, for how long and for which gateway. */
export interface ClaimOptions {
  /** The worker's name; shown, never compared. */
  readonly owner: string
  /** Length of the lease in milliseconds, by the database clock. */
  readonly leaseMs: number
  /** The gateway at which new attempts begin; open attempts of another one are left alone. */
  readonly gateway: string
  /** The money that it moves; no payment of an account of the other mode is claimed. @default unknown: those of every account */
  readonly mode?: GatewayMode | undefined
}

const claimFirst = statement<FirstClaimRow>('claim_first')
const claim = statement<ClaimRow>('claim')

/** Claims payments that never were; undefined for each other one. When it resolves, the keys are on disk. */
export async function claimNew(
  sql: Queryable,
  ids: readonly string[],
  { owner, leaseMs, gateway, mode }: ClaimOptions,
): Promise<(Claim | undefined)[]> {
  const claimed = await claimFirst(sql, { ids, owner, leaseMs, gateway, mode: mode ?? null })
  if (claimed.length > 0) passStep('payments.claimed', () => claimed.map(({ paymentId }) => paymentId))
  const claims = new Map(claimed.map((row) => [row.paymentId, toFirstClaim(row, gateway)]))
  return ids.map((id) => {
    const found = claims.get(id)
    // An id that was asked for twice is claimed once.
    claims.delete(id)
    return found
  })
}

/** Claims payments. When it resolves, the key of each attempt is on disk and a first byte may be sent. */
export async function claimMany(
  sql: Queryable,
  ids: readonly string[],
  options: ClaimOptions,
): Promise<ClaimAnswer[]> {
  const { owner, leaseMs, gateway, mode = null } = options
  const claimed = await claim(sql, { ids, owner, leaseMs, gateway, mode })
  if (claimed.length > 0) passStep('payments.claimed', () => claimed.map(({ paymentId }) => paymentId))
  const claims = new Map(claimed.map((one) => [one.paymentId, toClaim(one)]))
  const others = ids.filter((id) => !claims.has(id))
  const skipped = await explainMany(sql, others, { gateway, mode })
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

interface Skipped {
  readonly id: string
  readonly status: PaymentStatus
  readonly reason: SkipReason
  readonly waitMs: number
}
const explainSkipped = statement<Skipped>('explain_skipped')

const holdPaused = statement('hold_paused')
const followCredentials = statement('follow_credentials')

interface Place {
  readonly gateway: string
  readonly mode: GatewayMode | null
}

async function explainMany(sql: Queryable, ids: readonly string[], { gateway, mode }: Place) {
  const answers = new Map<string, ClaimAnswer>()
  if (ids.length === 0) return answers
  for (const id of ids) answers.set(id, { kind: 'skipped', reason: 'not_found', status: null, waitMs: 0 })
  const skipped = await explainSkipped(sql, { ids, gateway, mode })
  for (const { id, ...why } of skipped) answers.set(id, { kind: 'skipped', ...why })
  const leftFor = (...why: SkipReason[]) =>
    skipped.filter(({ reason }) => why.includes(reason)).map(({ id }) => id)
  const paused = leftFor('account_paused')
  const others = leftFor('other_credentials', 'other_gateway')
  if (paused.length > 0) await holdPaused(sql, { ids: paused })
  if (others.length > 0) await followCredentials(sql, { ids: others })
  return answers
}

export type HeldClaim = Pick<Claim, 'paymentId' | 'fence'>

/** A claim as records of the database hold it. */
export const claimRecord = recordType<HeldClaim>('payment_claim', {
  id: ({ paymentId }) => paymentId,
  fence: ({ fence }) => fence,
})

interface Written {
  readonly id: string
  readonly fence: number
}
const renew = statement<Written>('renew')

/** Extends leases that are still held; resolves with whether each one was. */
export async function renewMany(sql: Database, held: readonly HeldClaim[], leaseMs: number) {
  return isAmong(held, await renew(sql, { claims: claimRecord.encode(held), leaseMs }))
}

/** A settlement as records of the database hold it. */
export const settlementRecord = recordType<Settlement>('payment_settlement_3', {
  id: ({ paymentId }) => paymentId,
  fence: ({ fence }) => fence,
  status: ({ status }) => status,
  outcome: ({ attemptOutcome }) => attemptOutcome,
  unsent: ({ unsent }) => Number(unsent),
  counts_retry: ({ countsRetry }) => Number(countsRetry),
  unknown: ({ unknown }) => unknown,
  counts_resolve: ({ countsResolve }) => Number(countsResolve),
  review: ({ review }) => review,
  delay_ms: ({ delayMs }) => delayMs,
  failure_code: ({ failureCode }) => failureCode,
  failure_kind: ({ failureKind }) => failureKind,
  gateway_ref: ({ gatewayRef }) => gatewayRef,
  charged_amount: ({ charged }) => charged?.amount ?? null,
  charged_currency: ({ charged }) => charged?.currency ?? null,
  break_kind: ({ breakKind }) => breakKind,
  event: ({ event }) => event,
  actor: ({ actor }) => actor,
  evidence: ({ evidence }) => JSON.stringify(evidence),
  waits_for: ({ waitsFor }) => waitsFor,
  waits_until: ({ waitsUntil }) => waitsUntil?.toISOString() ?? null,
  wait_ms: ({ waitMs }) => waitMs,
  next_gateway: ({ nextGateway }) => nextGateway,
})

const settleFirst = statement<Written>('settle_first')
const settle = statement<Written>('settle')
const storeNextActions = statement('store_next_actions')

/** One statement, and a second one in the same transaction when customers have something to do. */
async function writeMany(sql: Queryable, settlements: readonly Settlement[]): Promise<Written[]> {
  const parameters = { settlements: settlementRecord.encode(settlements) }
  if (settlements.every(({ nextAction }) => nextAction === null)) return settle(sql, parameters)
  const write = async (transaction: Queryable) => {
    const written = await settle(transaction, parameters)
    const isWritten = isAmong(settlements, written)
    const asked = settlements.filter(({ nextAction }, index) => nextAction !== null && isWritten[index])
    const actions = asked.map(({ nextAction }) => JSON.stringify(nextAction))
    await storeNextActions(transaction, { ids: asked.map(({ paymentId }) => paymentId), actions })
    return written
  }
  return 'begin' in sql ? (sql as Database).begin(write) : write(sql)
}

/** Writes the results of claims; resolves with whether each was written. `false`: the claim is no longer the payment's. */
export async function settleMany(sql: Queryable, settlements: readonly Settlement[]) {
  const ids = settlements.map(({ paymentId }) => paymentId)
  passStep('payments.settling', () => ids)
  const written = await writeMany(sql, settlements)
  passStep('payments.settled', () => ids)
  return isAmong(settlements, written)
}

/** Whether a result is the success of the first send of a charge, and says nothing that is not on the payment's row. */
export function isFirstSuccess(settlement: Settlement): boolean {
  const { paymentId, fence, attemptOutcome, unsent, breakKind, gatewayRef, evidence } = settlement
  if (settlement.status !== 'SUCCESS' || fence !== 1 || kindOf(paymentId) !== 'charge') return false
  return (
    attemptOutcome === 'SUCCEEDED' &&
    !unsent &&
    breakKind === null &&
    gatewayRef !== null &&
    settlement.event === 'payment.succeeded' &&
    isDeepStrictEqual(evidence, {
      attempt_no: 1,
      mode: 'send',
      outcome: 'SUCCEEDED',
      gateway_ref: gatewayRef,
    })
  )
}

/** Writes successes of first sends; resolves with whether each was written. `false`: `settleMany` decides about it. */
export async function settleFirstSuccesses(sql: Database, settlements: readonly Settlement[]) {
  const ids = settlements.map(({ paymentId }) => paymentId)
  passStep('payments.settling', () => ids)
  const written = await settleFirst(sql, {
    ids,
    gatewayRefs: settlements.map(({ gatewayRef }) => gatewayRef),
    amounts: settlements.map(({ charged }) => charged?.amount ?? null),
    currencies: settlements.map(({ charged }) => charged?.currency ?? null),
    actors: settlements.map(({ actor }) => actor),
  })
  passStep('payments.settled', () => ids)
  return isAmong(settlements, written)
}

/** Returns for each claim whether a statement wrote it. */
function isAmong(claims: readonly HeldClaim[], written: readonly Written[]): boolean[] {
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

const seizeAttempt = statement<ClaimRow>('seize')

/** Takes a payment with an open attempt from its holder, for the gateway's own answer; undefined when it is not open. */
export async function seize(sql: Database, attempt: SeizedAttempt): Promise<Claim | undefined> {
  const [seized] = await seizeAttempt(sql, { ...attempt, leaseMs: SEIZED_LEASE_MS })
  return seized && toClaim(seized)
}
