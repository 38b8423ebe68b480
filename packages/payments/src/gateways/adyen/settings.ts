import { choice, optionalText, text } from '@titan/service'

const merchantAccount = {
  env: 'ADYEN_MERCHANT_ACCOUNT',
  about: 'Merchant account that the payments are of; required.',
}

/** What the webhooks are checked by. Needs no right to charge. */
export const adyenWebhookSettings = {
  hmacKey: optionalText(
    { env: 'ADYEN_HMAC_KEY', about: 'HMAC key of Adyen’s standard webhook.' },
    { form: /^[\da-fA-F]{64}$/, rule: 'the whole HMAC key: 64 hexadecimal digits' },
  ),
  webhookLogin: optionalText(
    {
      env: 'ADYEN_WEBHOOK_LOGIN',
      about: 'User and password of that webhook, parted by a colon; asked for only when set.',
    },
    { form: /^[^:]+:.+$/, rule: 'a user and a password, parted by a colon' },
  ),
  merchantAccount: optionalText(merchantAccount, { form: /^\w+$/, rule: 'the name of a merchant account' }),
}

/** The settings of Adyen. */
export const adyenSettings = {
  ...adyenWebhookSettings,
  apiKey: text(
    { env: 'ADYEN_API_KEY', about: 'API key with the role of Checkout (AQE…); required.', isRequired: true },
    { form: /^[\x21-\x7e]{8,}$/, rule: 'the whole API key' },
  ),
  merchantAccount: text(
    { ...merchantAccount, isRequired: true },
    { form: /^\w+$/, rule: 'the name of a merchant account' },
  ),
  environment: choice(
    { env: 'ADYEN_ENVIRONMENT', about: 'Environment: test or live.', hint: 'name' },
    ['test', 'live'],
    'test',
  ),
  livePrefix: optionalText(
    { env: 'ADYEN_LIVE_PREFIX', about: 'Prefix of the account’s live addresses; required with live.' },
    { form: /^[\w-]+$/, rule: 'the prefix alone, such as 1797a841fbb37ca7-AdyenDemo' },
  ),
  baseUrl: optionalText(
    { env: 'ADYEN_API_BASE', about: 'Base URL in place of Adyen’s, such as a simulator.' },
    { form: /^https?:\/\/[^/]+\/?$/, rule: 'a URL without a path' },
  ),
}
