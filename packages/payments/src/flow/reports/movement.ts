import type { Claim } from '../../domain/claim.ts'
import { sanitizeOutcome } from '../../domain/evidence.ts'
import { paymentOfKey } from '../../domain/identifiers.ts'
import type { Movement } from '../../domain/movement.ts'
import type { ChargeOutcome, ReportedEvent } from '../../gateways/gateway.ts'
import type { PaymentStore } from '../../store/store.ts'

type Store = Pick<PaymentStore, 'findCharge' | 'recordForeignMovement' | 'recordRefundFailure' | 'movements'>

/** What a gateway says about a capture, void or refund that was made at the gateway itself. */
export type MovementReport = Pick<
  Extract<ReportedEvent, { readonly type: 'MOVEMENT' }>,
  'kind' | 'chargeKey' | 'chargeRef' | 'gatewayRef' | 'amount' | 'currency' | 'outcome'
> & {
  readonly gateway: string
  /** Shown as the actor of events. */
  readonly actor: string
}

/** `settled`: it is on record now. `ignored`: it was before, or it is not definite. */
export type MovementEffect = 'settled' | 'ignored' | 'contradiction' | 'unknown'

/** Lets the gateway's word end a movement of ours. */
type SettleOurs = (
  movement: Pick<Movement, 'id' | 'attemptNo'>,
  outcome: ChargeOutcome,
) => Promise<MovementEffect>

/**
 * Takes over what was done at the gateway itself, so that sums and status agree. Copies of a report have the effect of one.
 * A report that names a movement of ours by the gateway's id alone ends it, with `settleOurs`.
 */
export async function applyMovement(
  report: MovementReport,
  store: Store,
  settleOurs: SettleOurs = async () => 'ignored',
): Promise<MovementEffect> {
  const { gateway, chargeKey, chargeRef } = report
  const named = paymentOfKey(chargeKey)
  const paymentId = named ?? (await store.findCharge({ gateway, gatewayRef: chargeRef }))
  if (paymentId === undefined) return 'unknown'
  const outcome = sanitizeOutcome(report.outcome)
  if (outcome.type === 'SUCCEEDED') {
    const { kind, gatewayRef, amount, currency } = report
    if (!isReference(gatewayRef)) return 'ignored'
    const moved = { kind, paymentId, gateway, gatewayRef, chargeRef, amount, currency }
    const effect = await store.recordForeignMovement(moved)
    return effect.kind === 'known' && isOpen(effect.movement, gatewayRef)
      ? settleOurs(effect.movement, outcome)
      : EFFECTS[effect.kind]
  }
  return outcome.type === 'DECLINED'
    ? applyDecline(paymentId, { ...report, outcome }, store, settleOurs)
    : 'ignored'
}

/** A decline is about a movement of ours, or about nothing. */
async function applyDecline(
  paymentId: string,
  report: MovementReport & Declined,
  store: Store,
  settleOurs: SettleOurs,
): Promise<MovementEffect> {
  const { kind, gatewayRef, outcome } = report
  const known = await store.movements(paymentId)
  const ours = known.find((one) => one.kind === kind && one.gatewayRef === gatewayRef)
  if (ours === undefined) return 'ignored'
  if (isOpen(ours, gatewayRef)) return settleOurs(ours, outcome)
  return kind === 'refund' ? recordFailure(ours.id, report, store) : 'ignored'
}

/** Whether a movement of ours has the gateway's id and waits for its word. */
function isOpen({ status, gatewayRef }: Movement, reported: string): boolean {
  return status === 'PROCESSING' && gatewayRef === reported
}

const EFFECTS = {
  recorded: 'settled',
  known: 'ignored',
  contradiction: 'contradiction',
  refused: 'ignored',
} as const satisfies Record<string, MovementEffect>

interface Declined {
  readonly gatewayRef: string
  readonly actor: string
  readonly outcome: Extract<ChargeOutcome, { readonly type: 'DECLINED' }>
}

/** Records that a refund failed after the gateway had called it successful. */
export async function recordFailure(
  refundId: string,
  { gatewayRef, actor, outcome }: Declined,
  store: Pick<Store, 'recordRefundFailure'>,
): Promise<MovementEffect> {
  const effect = await store.recordRefundFailure({ refundId, gatewayRef, code: outcome.code, actor })
  return effect === 'recorded' ? 'contradiction' : 'ignored'
}

/**
 * Takes over a capture that was made at the gateway itself: `adopted` ends its payment. `ours`: it is, or may be, a capture
 * of ours that is under way and decides. `none`: there is no capture to take over.
 */
export async function adoptCapture(
  { paymentId, gateway, waitsFor }: Claim,
  outcome: { readonly type: string },
  store: Pick<Store, 'recordForeignMovement'>,
): Promise<'adopted' | 'ours' | 'none'> {
  if (waitsFor !== 'capture' || !isSuccess(outcome) || !isReference(outcome.gatewayRef)) return 'none'
  const { gatewayRef, amount, currency } = outcome
  const capture = { kind: 'capture', paymentId, gateway, gatewayRef, amount, currency } as const
  const { kind } = await store.recordForeignMovement(capture)
  if (kind === 'contradiction') return 'none'
  return kind === 'recorded' ? 'adopted' : 'ours'
}

function isSuccess(outcome: {
  readonly type: string
}): outcome is Extract<ChargeOutcome, { type: 'SUCCEEDED' }> {
  return outcome.type === 'SUCCEEDED'
}

/** Whether it can be part of a key. */
function isReference(text: string): boolean {
  return /^[\x21-\x7e]{1,240}$/.test(text)
}
