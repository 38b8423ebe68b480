import { readPlace } from '../../domain/accounts/place.ts'
import { paymentOfKey } from '../../domain/identifiers.ts'
import type { ReportedEvent } from '../../gateways/gateway.ts'
import type { PaymentStore } from '../../store/store.ts'

/**
 * Whether a webhook may be about what it names. The credentials of a place are an account's, which can say anything with them:
 * it is believed about attempts that began at this place alone.
 */
export async function mayReport(
  event: ReportedEvent,
  gateway: string,
  store: Pick<PaymentStore, 'attempts'>,
): Promise<boolean> {
  const id = readPlace(gateway) === undefined ? undefined : namedIn(event)
  // What is named by a reference is looked for at this place.
  if (id === undefined) return true
  const attempts = await store.attempts(id)
  return attempts.some((attempt) => attempt.gateway === gateway)
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
