import type { Change, Schedule } from '../ledger/entry.ts'
import type { GatewayState } from '../ledger/state.ts'
import type { CardRow } from '../model/cards.ts'
import { failAuthentication, type IntentRow } from '../model/intent.ts'
import type { FinalOutcome } from '../script/behaviour.ts'
import type { Happening } from '../stripe/event.ts'
import { settleCapture } from './capture.ts'
import { happeningsOf, refuseMoney, takeMoney, type Outcome } from './outcome.ts'
import { settleRefund } from './refund.ts'

/** An outcome that came later. */
export interface Settlement extends Omit<Change, 'at'> {
  readonly happenings: readonly Happening[]
  /** What was not said yet when the order of events is reversed. */
  readonly heldBack?: readonly Happening[]
}

/** Decides what an outcome that is due changes; undefined when something else came first. */
export function settle(
  state: GatewayState,
  schedule: Schedule,
  now: number,
  captureBefore: number,
): Settlement | undefined {
  const { subject, final } = schedule
  const refund = state.refunds.get(subject)
  const intent = state.intentOf(refund?.intentId ?? subject)
  if (intent === undefined) return undefined
  if (refund !== undefined) {
    const settled = settleRefund(refund, intent, final, now)
    return settled && { ...settled, heldBack: [{ type: 'refund.created', intent, refund }] }
  }
  const outcome = settleIntent(intent, schedule, now, captureBefore)
  if (outcome === undefined) return undefined
  const { intent: _, ...settled } = outcome
  return { ...settled, heldBack: happeningsOf(intent, openingOf(intent)) }
}

function settleIntent(
  intent: IntentRow,
  schedule: Schedule,
  now: number,
  captureBefore: number,
): Outcome | undefined {
  const { final } = schedule
  const { status, charge } = intent
  const card = intent.card ?? intent.error?.card ?? null
  if (card === null || !isOpenFor(final, status)) return undefined
  const given = { card, isAuthenticated: final.type === 'authenticate', now }
  if (final.type === 'authenticate' && !final.success) return unauthenticated(intent, card)
  if (intent.capturing !== null && charge !== null) return settleCapture(intent, charge, schedule, now)
  return final.type === 'decline'
    ? refuseMoney(intent, given, final.code)
    : takeMoney(intent, given, captureBefore)
}

function isOpenFor({ type }: FinalOutcome, status: IntentRow['status']): boolean {
  if (type === 'authenticate') return status === 'requires_action'
  return type !== 'reverse' && (status === 'processing' || status === 'requires_payment_method')
}

function unauthenticated(before: IntentRow, card: CardRow): Outcome {
  const intent = failAuthentication(before, card)
  const happenings = happeningsOf(intent, ['payment_intent.payment_failed'])
  return { intent, rows: { intent }, charge: null, movements: [], happenings }
}

function openingOf({ status }: IntentRow): Happening['type'][] {
  if (status === 'processing') return ['payment_intent.processing']
  return status === 'requires_action' ? ['payment_intent.requires_action'] : ['payment_intent.payment_failed']
}
