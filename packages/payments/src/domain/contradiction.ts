import { sanitizeText } from './evidence.ts'
import type { ChargeOutcome } from '../gateways/gateway.ts'
import type { Payment } from './payment.ts'
import type { BreakKind } from './settlement.ts'
import type { PaymentStore } from '../store/store.ts'

/** A charge that the gateway reports, and the payment as it is now. */
export interface LateSuccess {
  readonly payment: Payment
  /** The attempt that was charged. */
  readonly attemptNo: number
  readonly gateway: string
  readonly outcome: Extract<ChargeOutcome, { readonly type: 'SUCCEEDED' }>
}

/** Records a charge that contradicts its payment; answers whether it does. The status stays: terminal is final. */
export async function recordContradiction(
  store: Pick<PaymentStore, 'recordBreak'>,
  { payment, attemptNo, gateway, outcome }: LateSuccess,
): Promise<boolean> {
  const reference = sanitizeText(outcome.gatewayRef)
  const kind = kindOf(payment, attemptNo, reference)
  if (kind === undefined) return false
  await store.recordBreak({
    kind,
    paymentId: payment.id,
    gateway,
    reference,
    detail: {
      amount: outcome.amount,
      currency: sanitizeText(outcome.currency),
      gateway_ref: payment.gatewayRef,
    },
  })
  return true
}

function kindOf(payment: Payment, attemptNo: number, chargedRef: string): BreakKind | undefined {
  const { status, gatewayRef, attemptOpen } = payment
  if (status === 'SUCCESS') return gatewayRef === chargedRef ? undefined : 'duplicate_charge'
  // An open attempt is still to be settled. A closed one had been declined: the payment has failed or gone on.
  const isOpen = attemptOpen && payment.attemptNo === attemptNo
  return isOpen ? undefined : 'late_charge'
}
