import { paymentOfKey } from '../../domain/identifiers.ts'
import type { DisputeRecord } from '../../gateways/records.ts'
import type { PaymentStore } from '../../store/store.ts'

/** What a gateway says about a dispute without being asked. */
export interface DisputeSaid {
  readonly gateway: string
  readonly dispute: DisputeRecord
  /** When the gateway said it, by its clock. */
  readonly saidAt: Date
  /** Shown as the actor of events. */
  readonly actor: string
}

/**
 * Records a dispute about a charge of ours; the status of its payment stays. `known`: it says nothing new. `unknown`: the
 * charge is not ours. Copies of a report have the effect of one, in any order.
 */
export async function applyDispute(
  { gateway, dispute, saidAt, actor }: DisputeSaid,
  store: Pick<PaymentStore, 'findCharge' | 'get' | 'recordDispute'>,
): Promise<'recorded' | 'known' | 'unknown'> {
  const named = paymentOfKey(dispute.gatewayKey)
  const paymentId = named ?? (await store.findCharge({ gateway, gatewayRef: dispute.chargeRef }))
  if (paymentId === undefined || (await store.get(paymentId)) === undefined) return 'unknown'
  return (await store.recordDispute({ paymentId, gateway, dispute, saidAt, actor })) ? 'recorded' : 'known'
}
