import { gatewayKeyOf, kindOf } from '../../domain/identifiers.ts'
import type { ChargeOutcome, LookupAnswer } from '../../gateways/gateway.ts'
import type { MoneyRecord, MoneyStatus } from '../../gateways/records.ts'
import type { NamedAttempt } from '../../store/books/comparison.ts'

/** A key of ours, and what it names. */
const OUR_KEY = /^titan_((?:pay|cap|void|ref)_[\da-f]{32})_([1-9]\d{0,8})$/

/** Returns the attempt that a key of ours names; undefined for any other key. */
export function attemptOf(key: string | null | undefined): NamedAttempt | undefined {
  const [, id, attemptNo] = OUR_KEY.exec(key ?? '') ?? []
  return id === undefined ? undefined : { id, attemptNo: Number(attemptNo) }
}

/** Reads a record as the outcome that a webhook about it would have; undefined when it is not definite. */
export function outcomeOf({
  kind,
  status,
  gatewayRef,
  amount,
  currency,
}: MoneyRecord): ChargeOutcome | undefined {
  if (status === 'succeeded') return { type: 'SUCCEEDED', gatewayRef, amount, currency }
  if (status !== 'failed' && status !== 'canceled') return undefined
  return { type: 'DECLINED', code: `${kind}_${status}`, kind: 'hard', gatewayRef }
}

const STATUSES: Readonly<Partial<Record<ChargeOutcome['type'], MoneyStatus>>> = {
  SUCCEEDED: 'succeeded',
  AUTHORIZED: 'authorized',
  PENDING: 'pending',
  REQUIRES_ACTION: 'pending',
  DECLINED: 'failed',
  REJECTED: 'failed',
}

/** Reads the answer to an inquiry as a record; undefined when it shows none. */
export function recordOf(
  { id, attemptNo }: NamedAttempt,
  reference: string,
  answer: LookupAnswer,
): MoneyRecord | undefined {
  const outcome = answer.type === 'FOUND' ? answer.outcome : undefined
  const status = outcome && STATUSES[outcome.type]
  if (outcome === undefined || status === undefined) return undefined
  const facts = { amount: 0, currency: '', gatewayRef: reference, ...outcome }
  const { amount, currency, gatewayRef = reference } = facts
  const gatewayKey = gatewayKeyOf(id, attemptNo)
  return { kind: kindOf(id), status, gatewayRef, gatewayKey, amount, currency, at: new Date() }
}
