import { createHmac } from 'node:crypto'
import type { NotificationRequestItem } from '@adyen/api-library/lib/src/typings/notification/models.js'
import type { DisputeRow } from '../model/dispute.ts'
import type { IntentRow } from '../model/intent.ts'
import { RESPOND_WITHIN_MS } from '../stripe/dispute.ts'
import type { EventRequestFacts, Happening } from '../stripe/event.ts'
import { modificationReferenceOf, pspReferenceOf } from './ids.ts'
import { refusalOf } from './refusals.ts'

type EventCode = `${NotificationRequestItem.EventCodeEnum}`

/** What is signed of an item, and what comes with it. */
export interface Item {
  readonly eventCode: EventCode
  readonly pspReference: string
  readonly originalReference?: string
  readonly merchantReference: string
  readonly amount: { readonly value: number; readonly currency: string }
  readonly success: boolean
  readonly reason?: string
  /** What is not signed. */
  readonly additionalData?: Readonly<Record<string, string>>
}

/** Signs an item as Adyen does: over its references, amount, event and success, with the key's bytes. */
export function signatureOf(item: Item, merchantAccount: string, hmacKey: string): string {
  const { pspReference, originalReference = '', merchantReference, amount, eventCode, success } = item
  const references = [pspReference, originalReference, merchantAccount, merchantReference]
  const signed = [...references, amount.value, amount.currency, eventCode, String(success)]
  return createHmac('sha256', Buffer.from(hmacKey, 'hex')).update(signed.join(':')).digest('base64')
}

interface Signing {
  readonly merchantAccount: string
  readonly hmacKey: string
  readonly now: number
}

/** Writes a standard webhook. */
export function notificationOf(items: readonly Item[], { merchantAccount, hmacKey, now }: Signing): object {
  const notificationItems = items.map((item) => ({
    NotificationRequestItem: {
      ...item,
      success: String(item.success),
      merchantAccountCode: merchantAccount,
      eventDate: new Date(now).toISOString(),
      paymentMethod: 'visa',
      additionalData: { ...item.additionalData, hmacSignature: signatureOf(item, merchantAccount, hmacKey) },
    },
  }))
  return { live: 'false', notificationItems }
}

type Reporter = (happening: Happening, request: EventRequestFacts) => Item | undefined

const REPORTERS: Readonly<Partial<Record<Happening['type'], Reporter>>> = {
  'payment_intent.succeeded': ({ intent }) =>
    intent.captureMethod === 'manual' ? captureOf(intent, true) : authorisationOf(intent, true),
  'payment_intent.amount_capturable_updated': ({ intent }) => authorisationOf(intent, true),
  'payment_intent.payment_failed': ({ intent }) =>
    intent.metadata['capture_key'] === undefined ? authorisationOf(intent, false) : captureOf(intent, false),
  'payment_intent.canceled': ({ intent }, request) => cancellationOf(intent, request),
  'refund.created': successOf,
  'refund.updated': successOf,
  'refund.failed': (happening) => refundOf(happening, false),
  'charge.dispute.created': disputeOf,
  'charge.dispute.updated': disputeOf,
  'charge.dispute.closed': disputeOf,
}

/** Returns what Adyen says about something that happened; undefined when it says nothing. */
export function itemOf(happening: Happening, request: EventRequestFacts): Item | undefined {
  return REPORTERS[happening.type]?.(happening, request)
}

function successOf(happening: Happening): Item | undefined {
  return happening.refund?.status === 'succeeded' ? refundOf(happening, true) : undefined
}

function authorisationOf(intent: IntentRow, success: boolean): Item {
  const { declineCode, code } = intent.error ?? {}
  const { refusalReasonCode, refusalReason } = refusalOf(declineCode ?? code ?? 'generic_decline')
  return {
    eventCode: 'AUTHORISATION',
    pspReference: pspReferenceOf(intent.id),
    merchantReference: intent.metadata['reference'] ?? '',
    amount: amountOf(intent, intent.amountReceived || intent.amountCapturable || intent.amount),
    success,
    ...(!success && { reason: `${refusalReasonCode}:${refusalReason}` }),
  }
}

function captureOf(intent: IntentRow, success: boolean): Item {
  const key = intent.metadata['capture_key'] ?? intent.id
  return {
    eventCode: 'CAPTURE',
    pspReference: modificationReferenceOf(key),
    originalReference: pspReferenceOf(intent.id),
    merchantReference: key,
    amount: amountOf(intent, intent.amountReceived || intent.amount),
    success,
    ...(!success && { reason: 'Capture refused' }),
  }
}

function cancellationOf(intent: IntentRow, request: EventRequestFacts): Item {
  const { cancellationReason, metadata, amount, id } = intent
  const key = request?.idempotency_key ?? null
  return {
    eventCode: cancellationReason === 'automatic' ? 'EXPIRE' : 'CANCELLATION',
    pspReference: modificationReferenceOf(key ?? `${id} ends`),
    originalReference: pspReferenceOf(id),
    merchantReference: key ?? metadata['reference'] ?? '',
    amount: amountOf(intent, amount),
    success: true,
  }
}

function refundOf({ intent, refund }: Happening, success: boolean): Item | undefined {
  if (refund === undefined || refund.isRelease) return undefined
  return {
    eventCode: 'REFUND',
    pspReference: pspReferenceOf(refund.id),
    originalReference: pspReferenceOf(intent.id),
    merchantReference: refund.metadata['gateway_key'] ?? intent.metadata['reference'] ?? '',
    amount: amountOf(intent, refund.amount),
    success,
    ...(!success && { reason: refund.failureReason ?? 'Refund failed' }),
  }
}

type DisputeSaid = readonly [eventCode: EventCode, disputeStatus: string]

/** What Adyen says about a dispute in each state. */
const DISPUTES: Readonly<Partial<Record<DisputeRow['status'], DisputeSaid>>> = {
  warning_needs_response: ['REQUEST_FOR_INFORMATION', 'Unresponded'],
  warning_under_review: ['INFORMATION_SUPPLIED', 'Responded'],
  warning_closed: ['REQUEST_FOR_INFORMATION', 'Expired'],
  needs_response: ['NOTIFICATION_OF_CHARGEBACK', 'Undefended'],
  under_review: ['CHARGEBACK_REVERSED', 'Pending'],
  won: ['PREARBITRATION_WON', 'Won'],
  lost: ['SECOND_CHARGEBACK', 'Lost'],
}

function disputeOf({ intent, dispute }: Happening): Item | undefined {
  const said = dispute === undefined ? undefined : DISPUTES[dispute.status]
  if (dispute === undefined || said === undefined) return undefined
  const [eventCode, disputeStatus] = said
  return {
    eventCode,
    pspReference: pspReferenceOf(dispute.id),
    originalReference: pspReferenceOf(intent.id),
    merchantReference: intent.metadata['reference'] ?? '',
    amount: amountOf(intent, dispute.amount),
    success: true,
    reason: dispute.reason,
    additionalData: {
      disputeStatus,
      defensePeriodEndsAt: new Date(dispute.created + RESPOND_WITHIN_MS).toISOString(),
    },
  }
}

function amountOf({ currency }: IntentRow, value: number): Item['amount'] {
  return { value, currency: currency.toUpperCase() }
}
