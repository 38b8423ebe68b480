import { createStripeGateway, type Gateway } from '@titan/payments'

/** Creates a second gateway, with its own name and its own books. It speaks the dialect of the first. */
export default function createSecondGateway(
  environment: Readonly<Record<string, string | undefined>>,
): Gateway {
  return createStripeGateway({
    name: 'second',
    secretKey: 'sk_test_second',
    baseUrl: environment['SECOND_API_BASE'],
    timeoutMs: Number(environment['GATEWAY_TIMEOUT_MS']),
    paymentMethod: 'pm_card_visa',
  })
}
