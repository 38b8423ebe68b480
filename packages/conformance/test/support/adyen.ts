import { createAdyenGateway, type Gateway } from '@titan/payments'

/** The adyen gateway, as a module of an adapter. */
export default function createAdyen(environment: Readonly<Record<string, string | undefined>>): Gateway {
  return createAdyenGateway({
    apiKey: environment['ADYEN_API_KEY'] ?? '',
    merchantAccount: environment['ADYEN_MERCHANT_ACCOUNT'] ?? '',
    baseUrl: environment['ADYEN_API_BASE'],
    hmacKey: environment['ADYEN_HMAC_KEY'],
    webhookLogin: environment['ADYEN_WEBHOOK_LOGIN'],
    connectTimeoutMs: 10_000,
  })
}
