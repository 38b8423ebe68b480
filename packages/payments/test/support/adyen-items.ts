import { createValidator } from '../../src/gateways/adyen/sdk.ts'
import { createAdyenWebhookParser } from '../../src/gateways/adyen/webhook.ts'
import type { ReportedEvent } from '../../src/index.ts'
import { adyenAttempt, HMAC_KEY } from './adyen.ts'

type Item = Parameters<ReturnType<typeof createValidator>['calculateHmac']>[0] & object

export const parse = createAdyenWebhookParser({ hmacKey: HMAC_KEY, merchantAccount: 'TitanTest' })

/** An item as Adyen sends it, unsigned. */
export function itemOf(given: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    amount: { value: 500, currency: 'EUR' },
    eventCode: 'AUTHORISATION',
    eventDate: '2026-11-29T12:00:00+01:00',
    merchantAccountCode: 'TitanTest',
    merchantReference: adyenAttempt().gatewayKey,
    paymentMethod: 'visa',
    pspReference: 'PSP1',
    reason: '',
    success: 'true',
    ...given,
  }
}

/** A body whose items are signed by the SDK. */
export function bodyOf(...items: readonly Record<string, unknown>[]): string {
  const validator = createValidator()
  const notificationItems = items.map((item) => {
    const hmacSignature = validator.calculateHmac(item as unknown as Item, HMAC_KEY)
    return {
      NotificationRequestItem: {
        ...item,
        additionalData: { ...Object(item['additionalData']), hmacSignature },
      },
    }
  })
  return JSON.stringify({ live: 'false', notificationItems })
}

/** Reads a body of these items. @throws {Error} when it is refused */
export function read(...items: readonly Record<string, unknown>[]): readonly ReportedEvent[] {
  const webhook = parse(bodyOf(...items), undefined)
  if (webhook.type !== 'BATCH') throw new Error(`refused: ${JSON.stringify(webhook)}`)
  return webhook.items
}
