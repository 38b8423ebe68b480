import { createHash, timingSafeEqual } from 'node:crypto'
import type { NotificationRequestItem } from '@adyen/api-library/lib/src/typings/notification/models.js'
import * as v from 'valibot'
import type { ChargeOutcome, GatewayWebhook, ReportedEvent, WebhookRefusal } from '../gateway.ts'
import { fromAdyenAmount } from './amount.ts'
import { isOfDispute, readDispute } from './dispute.ts'
import { isReference, outcomeOfMoney } from './outcome.ts'
import { attemptOf, type NamedAttempt } from './parameters.ts'
import { declined } from './refusal.ts'
import { createValidator } from './sdk.ts'

export interface AdyenWebhookOptions {
  readonly hmacKey: string
  /** Webhooks of other merchant accounts are left alone. @default those of all */
  readonly merchantAccount?: string | undefined
  readonly webhookLogin?: string | undefined
}

/** The word that Adyen takes for a receipt. */
export const ACCEPTED = '[accepted]'

/** Most events of one body; Adyen sends six at most. */
const MAX_ITEMS = 100

const text = v.optional(v.nullable(v.string()))

const ItemSchema = v.looseObject({
  pspReference: v.string(),
  originalReference: text,
  merchantReference: text,
  merchantAccountCode: v.string(),
  eventCode: v.string(),
  success: v.picklist(['true', 'false']),
  amount: v.looseObject({ value: v.pipe(v.number(), v.safeInteger()), currency: v.string() }),
  reason: text,
  eventDate: text,
  additionalData: v.looseObject({
    hmacSignature: v.pipe(v.string(), v.nonEmpty()),
    'modification.action': text,
  }),
})

type Item = v.InferOutput<typeof ItemSchema>

const BodySchema = v.looseObject({
  notificationItems: v.pipe(
    v.array(v.looseObject({ NotificationRequestItem: v.looseObject({}) })),
    v.minLength(1),
    v.maxLength(MAX_ITEMS),
  ),
})

/**
 * Reads Adyen's standard webhooks. Each item is signed by itself, over its references, amount, event and success: nothing
 * of a body counts unless all of it is signed. A login in the header is asked for where one is set up.
 */
export function createAdyenWebhookParser(
  options: AdyenWebhookOptions,
): (body: string | Uint8Array, authorization: string | undefined) => GatewayWebhook {
  const { hmacKey, merchantAccount, webhookLogin } = options
  const validator = createValidator()
  const isSigned = (item: Item): boolean =>
    validator.validateHMAC(item as unknown as NotificationRequestItem, hmacKey)
  return (body, authorization) => {
    if (webhookLogin !== undefined && !isLogin(authorization, webhookLogin))
      return refused('no_signature', 'the user or password of the webhook is missing or wrong')
    const items = itemsOf(body)
    if (items === undefined) return refused('not_an_event', 'not in the shape of a standard webhook')
    if (!items.every(isWhole)) return refused('no_signature', 'an item is not signed, or has another shape')
    if (!items.every(isSigned)) return refused('bad_signature', 'the signature of an item does not match')
    return { type: 'BATCH', items: items.map((item) => readItem(item, merchantAccount)) }
  }
}

function refused(cause: WebhookRefusal, reason: string): GatewayWebhook {
  return { type: 'REFUSED', cause, reason }
}

function itemsOf(body: string | Uint8Array): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(typeof body === 'string' ? body : Buffer.from(body).toString('utf8'))
    if (!v.is(BodySchema, value)) return undefined
    return value.notificationItems.map(({ NotificationRequestItem: item }) => item)
  } catch {
    return undefined
  }
}

function isWhole(item: unknown): item is Item {
  return v.is(ItemSchema, item)
}

function isLogin(header = '', login: string): boolean {
  const [, given = ''] = /^Basic (\S+)$/i.exec(header) ?? []
  const digest = (value: string | Buffer) => createHash('sha256').update(value).digest()
  return timingSafeEqual(digest(Buffer.from(given, 'base64')), digest(login))
}

/** What the readers return: the event's id and type are added once. */
type Reading =
  | Omit<Extract<ReportedEvent, { type: 'EVENT' }>, 'eventId' | 'eventType'>
  | Omit<Extract<ReportedEvent, { type: 'MOVEMENT' }>, 'eventId' | 'eventType'>
  | Omit<Extract<ReportedEvent, { type: 'DISPUTE' }>, 'eventId' | 'eventType'>
  | { readonly type: 'IGNORED'; readonly reason: string }

type Reader = (item: Item) => Reading
type EventCode = `${NotificationRequestItem.EventCodeEnum}`

/** The events that say what became of a charge, capture, void or refund. The others are left alone. */
const READERS: Readonly<Partial<Record<EventCode, Reader>>> = {
  AUTHORISATION: readCharge,
  // The money of a charge can no longer be taken.
  EXPIRE: (item) => ended(item, 'authorization_expired'),
  OFFER_CLOSED: (item) => ended(item, 'authentication_expired'),
  CAPTURE: (item) => readMovement(item, 'capture', 'capture_refused'),
  CAPTURE_FAILED: (item) => reversed(item, 'capture', 'capture_failed'),
  CANCELLATION: (item) => readMovement(item, 'void', 'void_refused'),
  TECHNICAL_CANCEL: (item) => readMovement(item, 'void', 'void_refused'),
  CANCEL_OR_REFUND: (item) =>
    item.additionalData['modification.action'] === 'refund'
      ? readMovement(item, 'refund', 'refund_refused')
      : readMovement(item, 'void', 'void_refused'),
  REFUND: (item) => readMovement(item, 'refund', 'refund_refused'),
  REFUND_FAILED: (item) => reversed(item, 'refund', 'refund_failed'),
  REFUNDED_REVERSED: (item) => reversed(item, 'refund', 'refund_reversed'),
}

function readItem(item: Item, merchantAccount: string | undefined): ReportedEvent {
  const { eventCode: eventType, pspReference } = item
  // Copies of an event have both in common, and nothing else is promised.
  const named = { eventId: `${pspReference}_${eventType}`, eventType }
  if (merchantAccount !== undefined && item.merchantAccountCode !== merchantAccount)
    return { ...ignored('of another merchant account'), ...named }
  return { ...readEvent(item), ...named }
}

function readEvent(item: Item): Reading {
  const { eventCode } = item
  const read = Object.entries(READERS).find(([code]) => code === eventCode)?.[1]
  if (read !== undefined) return read(item)
  if (!isOfDispute(eventCode)) return ignored('not about a charge, capture, void, refund or dispute')
  if (!isSuccess(item)) return ignored('it did not come to that')
  return readDispute(item, chargeOf(item)?.gatewayKey) ?? ignored('a dispute that names no charge or no time')
}

function ignored(reason: string): { readonly type: 'IGNORED'; readonly reason: string } {
  return { type: 'IGNORED', reason }
}

/** The attempt of a charge that an item names. */
function chargeOf({ merchantReference }: Item): NamedAttempt | undefined {
  const attempt = attemptOf(merchantReference)
  return attempt?.id.startsWith('pay_') === true ? attempt : undefined
}

function readCharge(item: Item): Reading {
  const attempt = chargeOf(item)
  if (attempt === undefined || !isReference(item.pspReference)) return ignored('not about a payment of ours')
  const outcome = isSuccess(item)
    ? outcomeOfMoney(item.pspReference, item.amount, attempt.isManual)
    : declined({ reason: item.reason ?? undefined }, item.pspReference)
  return eventOf(attempt, outcome)
}

/** Ends a charge that waited: with the time of the customer, or of the authorization. */
function ended(item: Item, code: string): Reading {
  const attempt = chargeOf(item)
  if (attempt === undefined) return ignored('not about a payment of ours')
  if (!isSuccess(item)) return ignored('it did not come to that')
  const gatewayRef = originalOf(item)
  return eventOf(attempt, { type: 'DECLINED', code, kind: 'hard', gatewayRef })
}

function eventOf({ id: paymentId, attemptNo }: NamedAttempt, outcome: ChargeOutcome): Reading {
  // Nobody can ask Adyen again, and a refused payment takes no further card.
  return { type: 'EVENT', paymentId, attemptNo, outcome, isFinal: outcome.type === 'DECLINED' }
}

type Kind = 'capture' | 'void' | 'refund'

const PREFIXES: Readonly<Record<Kind, string>> = { capture: 'cap_', void: 'void_', refund: 'ref_' }

/** Reads what became of a request for a movement, ours by its reference, or one that was made at Adyen itself. */
function readMovement(item: Item, kind: Kind, refusal: string): Reading {
  const { pspReference: gatewayRef, amount } = item
  if (!isReference(gatewayRef)) return ignored('it names nothing')
  const outcome: ChargeOutcome = isSuccess(item)
    ? outcomeOfMoney(gatewayRef, amount)
    : { type: 'DECLINED', code: refusal, kind: 'hard', gatewayRef }
  return movementOf(item, kind, outcome)
}

/** Reads that a capture or refund came back, whatever Adyen had said of it before. */
function reversed(item: Item, kind: Kind, code: string): Reading {
  const attempt = chargeOf(item)
  // What is captured with its charge comes back as the charge.
  if (kind === 'capture' && attempt !== undefined && !attempt.isManual)
    return eventOf(attempt, { type: 'DECLINED', code, kind: 'hard', gatewayRef: originalOf(item) })
  return movementOf(item, kind, { type: 'DECLINED', code, kind: 'hard', gatewayRef: item.pspReference })
}

function movementOf(item: Item, kind: Kind, outcome: ChargeOutcome): Reading {
  const { pspReference: gatewayRef, amount } = item
  const ours = attemptOf(item.merchantReference)
  // One that names no charge may still have its reference; if not, it is reported as unknown.
  const chargeRef = originalOf(item)
  if (ours?.id.startsWith(PREFIXES[kind]) === true) return eventOf(ours, outcome)
  if (!isReference(chargeRef)) return ignored('it names no charge')
  const { currency } = amount
  const moved = { amount: fromAdyenAmount(amount.value, currency), currency }
  return {
    type: 'MOVEMENT',
    kind,
    chargeKey: chargeOf(item)?.gatewayKey,
    chargeRef,
    gatewayRef,
    ...moved,
    outcome,
  }
}

function originalOf({ originalReference, pspReference }: Item): string {
  return isReference(originalReference) ? originalReference : pspReference
}

function isSuccess({ success }: Item): boolean {
  return success === 'true'
}
