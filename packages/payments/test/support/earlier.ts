import { earlierStatement } from '@titan/testkit'
import type { Claim, Settlement } from '../../src/index.ts'
import { recordType } from '../../src/store/statements.ts'
import type { Database } from '../../src/index.ts'
import { claimOf } from './claims.ts'

// The composite types as those programs know them: they never change.
interface EarlierRequest {
  readonly id: string
  readonly key: string
  readonly hash: string
}
const requestRecord = recordType<EarlierRequest>('payment_request', {
  id: ({ id }) => id,
  amount: () => 500,
  currency: () => 'USD',
  key: ({ key }) => key,
  hash: ({ hash }) => hash,
  traceparent: () => null,
})
const claimRecord = recordType<EarlierClaim>('payment_claim', {
  id: ({ paymentId }) => paymentId,
  fence: ({ fence }) => fence,
})
const settlementRecord = recordType<Settlement>('payment_settlement', {
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
})

type EarlierClaim = Pick<Claim, 'paymentId' | 'fence'>
interface Written {
  readonly id: string
}

const create = earlierStatement<Written>('create')
const markQueued = earlierStatement<Written>('mark_queued')
const claim = earlierStatement<Claim>('claim')
const renew = earlierStatement<Written>('renew')
const settle = earlierStatement<Written>('settle')
const seize = earlierStatement<Claim>('seize')
const takeLost = earlierStatement<{ readonly paymentId: string }>('take_lost')

/** The steps of the programs of schema 0021, by their own statements; each resolves with whether it changed the payment. */
export function earlierProgram(sql: Database) {
  return {
    async create(request: EarlierRequest) {
      const { id } = request
      const requests = requestRecord.encode([request])
      return (await create(sql, { requests, fpVersion: 1, ids: [id], actors: ['earlier-api'] })).length === 1
    },
    markQueued: async (id: string) =>
      (await markQueued(sql, { ids: [id], actor: 'earlier-relay' })).length === 1,
    async claim(id: string, leaseMs = 10_000): Promise<Claim | undefined> {
      const [held] = await claim(sql, { ids: [id], owner: 'earlier-worker', leaseMs, gateway: 'simulated' })
      // It knows less than today's claim, and decides as today's does where nothing of the rest is.
      return held && claimOf(held)
    },
    renew: async (held: EarlierClaim) =>
      (await renew(sql, { claims: claimRecord.encode([held]), leaseMs: 10_000 })).length === 1,
    settle: async (settlement: Settlement) =>
      (await settle(sql, { settlements: settlementRecord.encode([settlement]) })).length === 1,
    async seize(paymentId: string, attemptNo: number): Promise<Claim | undefined> {
      const attempt = { paymentId, attemptNo, gateway: 'simulated' }
      const [seized] = await seize(sql, { ...attempt, actor: 'earlier-api', leaseMs: 5_000 })
      return seized && claimOf(seized)
    },
    takeLost: async (): Promise<string[]> =>
      (
        await takeLost(sql, { queuedAgeMs: 0, processingAgeMs: 0, limit: 100, actor: 'earlier-reconciler' })
      ).map(({ paymentId }) => paymentId),
  }
}
