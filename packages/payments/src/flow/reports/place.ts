import { readPlace } from '../../domain/accounts/place.ts'
import { paymentOfKey } from '../../domain/identifiers.ts'
import type { ReportedEvent } from '../../gateways/gateway.ts'
import type { PaymentStore } from '../../store/store.ts'

/**
 * Whether a webhook may be about what it names. The credentials of a place are an account's, which can say anything with them:
 * it is believed about its own payments alone.
 */
export async function mayReport(
  event: ReportedEvent,
  gateway: string,
  store: Pick<PaymentStore, 'get'>,
): Promise<boolean> {
  const place = readPlace(gateway)
  const id = place === undefined ? undefined : namedIn(event)
  // What is named by a reference is looked for at this place.
  if (place === undefined || id === undefined) return true
  const payment = await store.get(id)
  return payment === undefined || payment.account === place.account
}

function namedIn(event: ReportedEvent): string | undefined {
  switch (event.type) {
    case 'EVENT':
      return event.paymentId
    case 'MOVEMENT':
      return paymentOfKey(event.chargeKey)
    case 'DISPUTE':
      return paymentOfKey(event.dispute.gatewayKey)
    case 'IGNORED':
      return undefined
  }
}
