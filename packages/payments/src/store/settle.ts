import { isAmong } from './claim.ts'
import type { Database } from './database.ts'
import type { Settlement } from '../domain/settlement.ts'
import { passStep } from '../tracing.ts'
import { recordType, type RecordType } from './records.ts'
import { statement } from './statements.ts'

/** A settlement as records of the database hold it. */
export const settlementRecord: RecordType<Settlement> = recordType('payment_settlement', {
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

const settle = statement<{ readonly id: string; readonly fence: number }>('settle')

/** Writes the results of claims; resolves with whether each was written. `false`: the claim is no longer the payment's. */
export async function settleMany(sql: Database, settlements: readonly Settlement[]): Promise<boolean[]> {
  const ids = settlements.map(({ paymentId }) => paymentId)
  passStep('payments.settling', () => ids)
  const written = await settle(sql, { settlements: settlementRecord.encode(settlements) })
  passStep('payments.settled', () => ids)
  return isAmong(settlements, written)
}
