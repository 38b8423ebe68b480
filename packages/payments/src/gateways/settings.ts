import {
  named,
  choice,
  InvalidSettings,
  optionalText,
  readAll,
  readSettings,
  settingsGroup,
  share,
  text,
  toggle,
  wholeNumber,
  type Environment,
  type Setting,
  type SettingNames,
  type SettingsGroup,
  type SettingsSource,
} from '@titan/service'
import { PaymentsError } from '../domain/errors.ts'
import { gatewayTimeout } from '../settings.ts'
import type { Gateway } from './gateway.ts'
import { limitGateway, type GatewayLimits } from './limited-gateway.ts'
import { createSimulatedGateway } from './simulated/gateway.ts'
import { loadSdk } from './stripe/http.ts'
import { createStripeWebhookParser } from './stripe/webhook.ts'
import { createStripeGateway } from './stripe/gateway.ts'

/** A whole number of at least `min` that may be missing. */
function count(names: Parameters<typeof share>[0], min: number): Setting<number | undefined> {
  return wholeNumber<undefined>(names, { fallback: undefined, min, max: 999_999_999 })
}

const gatewayChoice = choice(
  { ...named('GATEWAY', 'Gateway that charges the payments.'), hint: 'name' },
  ['simulated', 'stripe'],
  'simulated',
)

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

function limit(env: string, about: string): Setting<number | undefined> {
  return count({ env, about }, 1)
}

const limitSettings = {
  maxConcurrent: limit('GATEWAY_MAX_CONCURRENT', 'Maximum number of concurrent calls.'),
  ratePerSecond: limit('GATEWAY_RATE_PER_SECOND', 'Maximum number of calls per second.'),
  breaker: {
    ...toggle({ env: 'GATEWAY_BREAKER', about: 'Use a circuit breaker: true or false.' }, false),
    shown: '',
    fallback: undefined,
  },
  failureShare: share({
    env: 'GATEWAY_BREAKER_FAILURE_SHARE',
    about: 'Share of failed calls that opens the circuit breaker, 0..1.',
  }),
  windowCalls: limit('GATEWAY_BREAKER_WINDOW', 'Number of recent calls that the circuit breaker considers.'),
  minCalls: limit(
    'GATEWAY_BREAKER_MIN_CALLS',
    'Minimum number of calls before the circuit breaker may open.',
  ),
  openMs: limit('GATEWAY_BREAKER_OPEN_MS', 'Time that the circuit breaker stays open before a trial call.'),
  maxOpenMs: limit(
    'GATEWAY_BREAKER_MAX_OPEN_MS',
    'Longest time that it stays open; the time grows with each failed trial.',
  ),
}

/**
 * How each gateway is created, and the limits that it bears in each process; `GATEWAY_MAX_CONCURRENT` and its like change
 * them. Adding a gateway is one file, its settings and one line here.
 */
const GATEWAYS = {
  simulated: {
    create: (source: SettingsSource) => createSimulatedGateway(readSettings(simulatedSettings, source)),
    limits: {},
  },
  // Stripe takes 25 requests a second in a sandbox and 100 in live mode.
  stripe: { create: createStripe, limits: { maxConcurrent: 20, ratePerSecond: 20, breaker: {} } },
}

const stripeSection = {
  title: 'Stripe, with GATEWAY=stripe',
  settings: Object.values<SettingNames>(stripeSettings),
}

const limitsSection = {
  title: 'Limits of the gateway in each process (stripe: 20, 20 and a circuit breaker; simulated: none)',
  settings: Object.values<SettingNames>(limitSettings),
}

/** The settings of the gateway that `GATEWAY` names, behind its limits. */
export const gatewaySettings: SettingsGroup<Gateway> = {
  sections: [
    { settings: [gatewayChoice, ...Object.values<SettingNames>(simulatedSettings)] },
    stripeSection,
    limitsSection,
  ],
  read(source) {
    const { name } = readSettings({ name: gatewayChoice }, source)
    const { create, limits: defaults } = GATEWAYS[name]
    const { gateway, limits } = readAll({
      gateway: () => checked(() => create(source)),
      limits: () => limitsOf(source, defaults),
    })
    const isLimited = Object.values(limits).some((limit) => limit !== undefined)
    return isLimited ? checked(() => limitGateway(gateway, limits)) : gateway
  },
}

/**
 * The settings of the gateway for programs that only look up attempts. Undefined for the simulated one, whose ledger is in
 * the memory of its worker, and where the settings do not make a gateway.
 */
export const lookUpGatewaySettings: SettingsGroup<Gateway | undefined> = {
  sections: [
    {
      title: 'Gateway of the workers: what a payment must name, and where operators look up attempts',
      settings: [gatewayChoice, gatewayTimeout].map((setting) => ({ ...setting, flag: undefined })),
    },
    stripeSection,
    limitsSection,
  ],
  read({ environment }) {
    try {
      const { name } = readSettings({ name: gatewayChoice }, { environment })
      return name === 'simulated' ? undefined : gatewaySettings.read({ environment })
    } catch (error) {
      if (error instanceof InvalidSettings) return undefined
      throw error
    }
  },
}

/** The gateway of the workers, as a program needs to know it that only accepts payments. */
export interface AcceptingGateway {
  readonly name: string
  /** Whether a payment may leave out its payment method. */
  readonly hasDefaultMethod: boolean
}

/** Which payments the gateway can take; undefined where `GATEWAY` is not set, because then nothing is known of it. */
export const acceptingGatewaySettings: SettingsGroup<AcceptingGateway | undefined> = {
  // They are in the help already: the same gateway looks up attempts.
  sections: [],
  read({ environment }) {
    if ((environment['GATEWAY'] ?? '') === '') return undefined
    const { name } = readSettings({ name: gatewayChoice }, { environment })
    const isTest = /^(sk|rk)_test_/.test(environment['STRIPE_SECRET_KEY'] ?? '')
    return { name, hasDefaultMethod: name === 'simulated' || isTest }
  },
}

/** How the webhooks of one gateway are checked and read. Needs its signing secret, and no right to charge. */
export interface GatewayWebhookReader {
  /** The name that attempts at this gateway are stored with. */
  readonly gateway: string
  /** The header that holds the signature, in lower case. */
  readonly signatureHeader: string
  /** The body that the gateway expects when its webhook was taken. @default JSON of ours */
  readonly acknowledgement?: string | undefined
  readonly parse: NonNullable<Gateway['parseWebhook']>
}

/** The settings of gateways whose webhooks can be checked: those with a signing secret. */
export const gatewayWebhookSettings: SettingsGroup<readonly GatewayWebhookReader[]> = settingsGroup(
  { secret: webhookSecret },
  ({ secret }) => {
    if (secret === undefined) return []
    const parse = createStripeWebhookParser(loadSdk().webhooks, secret)
    return [{ gateway: 'stripe', signatureHeader: 'stripe-signature', parse }]
  },
  'Webhooks of gateways, received at POST /gateway-webhooks/{gateway}',
)

/** Creates the gateway that the environment names. @throws InvalidSettings with everything that is wrong */
export function gatewayFromEnv(environment: Environment): Gateway {
  return gatewaySettings.read({ environment })
}

/** Reads the limits over `defaults`. Any setting of the breaker switches it on, `GATEWAY_BREAKER=false` switches it off. */
export function limitsOf(source: SettingsSource, defaults: GatewayLimits = {}): GatewayLimits {
  const { maxConcurrent, ratePerSecond, breaker, ...options } = readSettings(limitSettings, source)
  const isGiven = Object.values(options).some((value) => value !== undefined)
  const isOn = breaker ?? (isGiven || defaults.breaker !== undefined)
  return {
    maxConcurrent: maxConcurrent ?? defaults.maxConcurrent,
    ratePerSecond: ratePerSecond ?? defaults.ratePerSecond,
    breaker: isOn ? { ...defaults.breaker, ...options } : undefined,
  }
}

function createStripe(source: SettingsSource): Gateway {
  const { paymentMethod = TEST_PAYMENT_METHOD, ...given } = readSettings(stripeSettings, source)
  const { timeoutMs } = readSettings({ timeoutMs: gatewayTimeout }, source)
  return createStripeGateway({ ...given, timeoutMs, paymentMethod })
}

/** Reports options that contradict each other like settings that are wrong. */
function checked<Value>(create: () => Value): Value {
  try {
    return create()
  } catch (error) {
    throw error instanceof PaymentsError ? new InvalidSettings([error.message]) : error
  }
}
