import type { ReportedEvent } from '../gateway.ts'
import type { DisputeStatus } from '../records.ts'
import { fromAdyenAmount } from './amount.ts'
import { isReference } from './outcome.ts'

/** The part of an item that tells of a dispute. */
interface DisputeItem {
  readonly eventCode: string
  readonly pspReference: string
  readonly originalReference?: string | null | undefined
  readonly amount: { readonly value: number; readonly currency: string }
  readonly eventDate?: string | null | undefined
  readonly reason?: string | null | undefined
  readonly additionalData: Readonly<Record<string, unknown>>
}

/**
 * What each event says of a dispute. The events that settle one are final. The others only lead to the next step: Adyen's
 * `disputeStatus`, which it leaves out in Brazil, says more. `NOTIFICATION_OF_FRAUD` is no dispute.
 */
const EVENTS = new Map<string, DisputeStatus>([
  ['REQUEST_FOR_INFORMATION', 'inquiry'],
  ['NOTIFICATION_OF_CHARGEBACK', 'needs_response'],
  ['DISPUTE_OPENED_WITH_CHARGEBACK', 'needs_response'],
  ['CHARGEBACK', 'needs_response'],
  ['INFORMATION_SUPPLIED', 'under_review'],
  ['ISSUER_COMMENTS', 'under_review'],
  ['PREARBITRATION_OPEN', 'under_review'],
  // The money is back until the bank answers the defense.
  ['CHARGEBACK_REVERSED', 'under_review'],
  ['ISSUER_RESPONSE_TIMEFRAME_EXPIRED', 'won'],
  ['PREARBITRATION_WON', 'won'],
  ['SCHEME_ARBITRATION_WON', 'won'],
  ['DISPUTE_DEFENSE_PERIOD_ENDED', 'lost'],
  ['SECOND_CHARGEBACK', 'lost'],
  ['PREARBITRATION_LOST', 'lost'],
  ['SCHEME_ARBITRATION_LOST', 'lost'],
])

const STATUSES = new Map<unknown, DisputeStatus>([
  ['Unresponded', 'inquiry'],
  ['Responded', 'inquiry'],
  ['Undefended', 'needs_response'],
  ['Pending', 'under_review'],
  ['Accepted', 'lost'],
  ['Expired', 'lost'],
  ['Lost', 'lost'],
  ['Won', 'won'],
])

/** Whether an item tells of a dispute. */
export function isOfDispute(eventCode: string): boolean {
  return EVENTS.has(eventCode)
}

/**
 * Reads a dispute; undefined when it names no charge or no time. All events of a dispute have its reference. The time is not
 * signed: one in the future would outlast what Adyen says next, so it counts as now.
 */
export function readDispute(
  item: DisputeItem,
  gatewayKey: string | undefined,
): Omit<Extract<ReportedEvent, { type: 'DISPUTE' }>, 'eventId' | 'eventType'> | undefined {
  const { pspReference: gatewayRef, originalReference: chargeRef, amount, additionalData, reason } = item
  const said = timeOf(item.eventDate)
  if (!isReference(gatewayRef) || !isReference(chargeRef) || said === undefined) return undefined
  const at = new Date(Math.min(said.getTime(), Date.now()))
  const { currency } = amount
  const dispute = {
    kind: 'dispute',
    gatewayRef,
    gatewayKey,
    chargeRef,
    amount: fromAdyenAmount(amount.value, currency),
    currency,
    status: statusOf(item),
    reason: reason === null || reason === '' ? undefined : reason,
    respondBy: timeOf(additionalData['defensePeriodEndsAt']),
    at,
  } as const
  return { type: 'DISPUTE', dispute, saidAt: at }
}

function statusOf({ eventCode, additionalData }: DisputeItem): DisputeStatus {
  const status = EVENTS.get(eventCode) ?? 'under_review'
  const said = additionalData['disputeStatus']
  if (status === 'won' || status === 'lost') return status
  // The inquiry was not answered, and no money has moved.
  if (status === 'inquiry' && said === 'Expired') return 'closed'
  return STATUSES.get(said) ?? status
}

/** Reads a time with its zone. */
function timeOf(value: unknown): Date | undefined {
  const isTime = typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)$/.test(value)
  const time = new Date(isTime ? value : Number.NaN)
  return Number.isNaN(time.getTime()) ? undefined : time
}
