import type { NextAction, PaymentDetails } from '../domain/details.ts'
import { clientKeyOf, DEFAULT_ACCOUNT } from '../domain/accounts/account.ts'
import { gatewayKeyOf, kindOf } from '../domain/identifiers.ts'
import type { Claim } from '../domain/claim.ts'
import type { Payment } from '../domain/payment.ts'
import type { PaymentPriority } from '../domain/request.ts'

/** What a client says besides the amount, as columns hold it: null for the default. */
interface Members {
  readonly account: string | null
  readonly manualCapture: boolean | null
  readonly customerPresent: boolean | null
  /** The row of payment_details as JSON. */
  readonly details: DetailsRow | null
}

/** A row of payment_details. */
interface DetailsRow {
  readonly payment_method: PaymentDetails['paymentMethod']
  readonly customer: PaymentDetails['customer']
  readonly reference: string | null
  readonly description: string | null
  readonly statement_descriptor: string | null
  readonly metadata: PaymentDetails['metadata']
  readonly return_url: string | null
  readonly next_action: NextAction | null
  readonly erased_at: string | null
}

/** A payment as the statements read it. */
export type PaymentRow = Omit<Payment, keyof Members | 'capture' | 'priority'> &
  Members & { readonly priority: PaymentPriority | null }

/** A claim as the statements return it: null where nothing waits. */
export type ClaimRow = Omit<Claim, keyof Members | 'kind' | 'capture' | 'isWaitOver' | 'isBeingMoved'> &
  Members & { readonly isWaitOver: boolean | null; readonly isBeingMoved: boolean | null }

/** A first claim as its statement returns it: what any first claim says is left out. */
export type FirstClaimRow = Pick<Claim, 'paymentId' | 'amount' | 'currency' | 'ageMs' | 'expiresInMs'> &
  Members

/** Fills in the defaults of what a row leaves out. Leaves out what a customer had to do when the payment no longer waits for it. */
export function toPayment({ priority, ...row }: PaymentRow): Payment {
  const { details, ...payment } = withMembers(row)
  const { account, idempotencyKey, parentId } = payment
  const isAsked = payment.waitsFor === 'customer' && !payment.needsReview
  return {
    ...payment,
    // That of a capture, void or refund begins with its payment instead.
    idempotencyKey: parentId === null ? clientKeyOf(account, idempotencyKey) : idempotencyKey,
    priority: priority ?? 'default',
    details: details && { ...details, nextAction: isAsked ? details.nextAction : null },
  }
}

/** Fills in the defaults of what a claim leaves out. */
export function toClaim(row: ClaimRow): Claim {
  const { isWaitOver, isBeingMoved } = row
  return {
    ...withMembers(row),
    kind: kindOf(row.paymentId),
    isWaitOver: isWaitOver ?? false,
    isBeingMoved: isBeingMoved ?? false,
  }
}

/** Fills in what any first claim says. */
export function toFirstClaim(row: FirstClaimRow, gateway: string): Claim {
  return {
    ...withMembers(row),
    kind: 'charge',
    fence: 1,
    mode: 'send',
    attemptNo: 1,
    gateway,
    gatewayKey: gatewayKeyOf(row.paymentId, 1),
    retries: 0,
    resolves: 0,
    takeovers: 0,
    keyAgeMs: 0,
    gatewayRef: null,
    charge: null,
    waitsFor: null,
    waitsUntil: null,
    isWaitOver: false,
    isBeingMoved: false,
  }
}

function withMembers<Row extends Members>({ account, manualCapture, customerPresent, details, ...row }: Row) {
  return {
    ...row,
    account: account ?? DEFAULT_ACCOUNT,
    capture: manualCapture === true ? ('manual' as const) : ('automatic' as const),
    customerPresent: customerPresent ?? false,
    details: details === null ? null : toDetails(details),
  }
}

function toDetails(row: DetailsRow): PaymentDetails {
  return {
    paymentMethod: row.payment_method,
    customer: row.customer,
    reference: row.reference,
    description: row.description,
    statementDescriptor: row.statement_descriptor,
    metadata: row.metadata,
    returnUrl: row.return_url,
    nextAction: row.next_action,
    erasedAt: row.erased_at === null ? null : new Date(row.erased_at),
  }
}
