import {
  named,
  optionalText,
  readSettings,
  share,
  text,
  type Environment,
  type SettingNames,
  type SettingsSection,
  type SettingsSource,
} from '@titan/service'
import { gatewayTimeout } from '../settings.ts'
import { createAdyenGateway } from './adyen/gateway.ts'
import { adyenSettings, adyenWebhookSettings } from './adyen/settings.ts'
import { ACCEPTED, createAdyenWebhookParser } from './adyen/webhook.ts'
import type { Gateway, GatewayMode } from './gateway.ts'
import { count } from './limit-settings.ts'
import type { GatewayLimits } from './limited-gateway.ts'
import { createSimulatedGateway } from './simulated/gateway.ts'
import { createStripeGateway } from './stripe/gateway.ts'
import { loadSdk } from './stripe/http.ts'
import { createStripeWebhookParser } from './stripe/webhook.ts'

/** A gateway of this package: how it is created, and what is known of it without its credentials. */
interface BuiltIn {
  create(source: SettingsSource): Gateway
  /** The limits that it bears in each process; variables go over them. */
  readonly limits: GatewayLimits
  readonly sections: readonly SettingsSection[]
  /** Whether another process can look up its attempts. */
  readonly isShared: boolean
  /** The money that it moves, whatever its settings. @default by its settings */
  readonly mode?: GatewayMode | undefined
  /** Whether a payment may leave out its payment method. */
  hasDefaultMethod(environment: Environment): boolean
  /** The settings of its webhooks, and their reader; it needs the signing secret, and no right to charge. */
  readonly webhooks?:
    | {
        readonly settings: readonly SettingNames[]
        /** The header that holds the signature, in lower case. */
        readonly signatureHeader: string
        /** The body that the gateway expects when its webhook was taken. @default JSON of ours */
        readonly acknowledgement?: string | undefined
        /** Undefined without the secret. */
        parserOf(source: SettingsSource): Gateway['parseWebhook']
      }
    | undefined
}

/** Names a setting of the simulated gateway; the variables that begin with SIM are from its first version. */
function simulated(name: string, about: string, shown: string) {
  return { ...named(`GATEWAY_${name}`, about), alsoEnv: [`SIM_${name}`], shown }
}

const simulatedSettings = {
  delayMs: count(
    { ...simulated('DELAY_MS', 'Response time of the simulated gateway.', '100'), hint: 'ms' },
    0,
  ),
  successRate: share(simulated('SUCCESS_RATE', 'Share of simulated charges that succeed.', 'the rest')),
  transientRate: share(
    simulated('TRANSIENT_RATE', 'Share of requests that do not reach the simulated gateway.', '0'),
  ),
  declineRate: share(
    simulated(
      'DECLINE_RATE',
      'Share of simulated charges that are declined.',
      'the rest with --gateway-success-rate',
    ),
  ),
  unknownRate: share(simulated('UNKNOWN_RATE', 'Share of requests whose response is lost.', '0')),
  ledgerFile: optionalText(
    {
      ...named('GATEWAY_LEDGER', 'File that keeps the ledger of the simulated gateway, for titan verify.'),
      hint: 'file',
      shown: 'in memory',
    },
    { form: /^.+$/, rule: 'a file' },
  ),
  seed: count(simulated('SEED', 'Seed of the simulated gateway’s random choices.', '1'), 0),
}

const webhookSecret = optionalText(
  { env: 'STRIPE_WEBHOOK_SECRET', about: 'Signing secret of Stripe’s webhooks (whsec_…).' },
  { form: /^whsec_\S{12,}$/, rule: 'the whole signing secret: whsec_ and at least 12 characters' },
)

/** Stripe's test card that is charged without a question. */
const TEST_PAYMENT_METHOD = 'pm_card_visa'

const stripeSettings = {
  secretKey: text(
    { env: 'STRIPE_SECRET_KEY', about: 'Secret or restricted key (sk_…, rk_…); required.', isRequired: true },
    { form: /^(sk|rk)_\w+$/, rule: 'a key that begins with sk_ or rk_' },
  ),
  paymentMethod: optionalText(
    {
      env: 'STRIPE_PAYMENT_METHOD',
      shown: TEST_PAYMENT_METHOD,
      about: 'Payment method of payments that name none, with a test key; ignored with a live one.',
    },
    { form: /^\w+$/, rule: 'the id of a payment method' },
  ),
  baseUrl: optionalText(
    { env: 'STRIPE_API_BASE', about: 'Base URL in place of Stripe’s, such as a simulator.' },
    { form: /^https?:\/\/[^/]+\/?$/, rule: 'a URL without a path' },
  ),
  webhookSecret,
}

function createStripe(source: SettingsSource): Gateway {
  const { paymentMethod = TEST_PAYMENT_METHOD, ...given } = readSettings(stripeSettings, source)
  const { timeoutMs } = readSettings({ timeoutMs: gatewayTimeout }, source)
  return createStripeGateway({ ...given, timeoutMs, paymentMethod })
}

const SIMULATED: BuiltIn = {
  create: (source) => ({
    ...createSimulatedGateway(readSettings(simulatedSettings, source)),
    // What it remembers is lost with its process, and other processes have their own.
    list: undefined,
  }),
  limits: {},
  sections: [{ settings: Object.values<SettingNames>(simulatedSettings) }],
  // Its ledger is in the memory of its worker.
  isShared: false,
  mode: 'test',
  hasDefaultMethod: () => true,
}

const STRIPE: BuiltIn = {
  create: createStripe,
  // Stripe takes 25 requests a second in a sandbox and 100 in live mode.
  limits: { maxConcurrent: 20, ratePerSecond: 20, breaker: {} },
  sections: [
    { title: 'Stripe, with stripe in GATEWAYS', settings: Object.values<SettingNames>(stripeSettings) },
  ],
  isShared: true,
  hasDefaultMethod: (environment) => /^(sk|rk)_test_/.test(environment['STRIPE_SECRET_KEY'] ?? ''),
  webhooks: {
    settings: [webhookSecret],
    signatureHeader: 'stripe-signature',
    parserOf(source) {
      const { secret } = readSettings({ secret: webhookSecret }, source)
      return secret === undefined ? undefined : createStripeWebhookParser(loadSdk().webhooks, secret)
    },
  },
}

const ADYEN: BuiltIn = {
  create(source) {
    const given = readSettings(adyenSettings, source)
    const { timeoutMs } = readSettings({ timeoutMs: gatewayTimeout }, source)
    return createAdyenGateway({ ...given, timeoutMs })
  },
  limits: { maxConcurrent: 20, ratePerSecond: 20, breaker: {} },
  sections: [
    { title: 'Adyen, with adyen in GATEWAYS', settings: Object.values<SettingNames>(adyenSettings) },
  ],
  isShared: true,
  // Its test card.
  hasDefaultMethod: (environment) => environment['ADYEN_ENVIRONMENT'] !== 'live',
  webhooks: {
    settings: Object.values<SettingNames>(adyenWebhookSettings),
    signatureHeader: 'authorization',
    acknowledgement: ACCEPTED,
    parserOf(source) {
      const { hmacKey, ...given } = readSettings(adyenWebhookSettings, source)
      return hmacKey === undefined ? undefined : createAdyenWebhookParser({ ...given, hmacKey })
    },
  },
}

/** The gateways of this package by name. Adding one is its folder, its settings, and a line here. */
export const BUILT_IN: ReadonlyMap<string, BuiltIn> = new Map([
  ['simulated', SIMULATED],
  ['stripe', STRIPE],
  ['adyen', ADYEN],
])
