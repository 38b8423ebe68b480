import { expect, test } from 'vitest'
import { InvalidSettings, type Environment } from '@titan/service'
import { gatewaySettings, openGateways, type Gateway, type GatewayLimits } from '../../src/index.ts'
import { limitsOf } from '../../src/gateways/limit-settings.ts'
import { attemptOf, charge, startSimulator } from '../support/simulator.ts'

function limitsFrom(environment: Environment, defaults?: GatewayLimits): GatewayLimits {
  return limitsOf({ environment }, defaults)
}

const stripe = { GATEWAY: 'stripe', STRIPE_SECRET_KEY: 'sk_test_titan' }

/** The first gateway that an environment names. */
async function gatewayFrom(environment: Environment): Promise<Gateway> {
  const gateways = await openGateways(environment)
  const gateway = gateways.get(gateways.names[0] ?? '')
  if (gateway === undefined) throw new Error('no gateway was opened')
  return gateway
}

function issuesOf(environment: Environment): readonly string[] {
  try {
    gatewaySettings.read({ environment })
  } catch (error) {
    if (error instanceof InvalidSettings) return error.issues
    throw error
  }
  return []
}

test('the environment leads the stripe gateway to a simulator', async () => {
  const simulator = await startSimulator({ secretKey: 'sk_test_titan' })
  const gateway = await gatewayFrom({
    ...stripe,
    STRIPE_API_BASE: simulator.url,
    STRIPE_WEBHOOK_SECRET: 'whsec_of_the_tests',
  })
  expect(await charge(gateway, attemptOf('pay_1'))).toMatchObject({ type: 'SUCCEEDED' })
  expect(gateway.name).toBe('stripe')
  expect(gateway.parseWebhook).toBeDefined()
  await gateway.close?.()
})

test('stripe has limits by default, the simulated gateway only when asked', async () => {
  expect((await gatewayFrom(stripe)).admit).toBeDefined()
  expect((await gatewayFrom({})).admit).toBeUndefined()
  expect((await gatewayFrom({ GATEWAY_MAX_CONCURRENT: '4' })).admit).toBeDefined()
})

test('variables go over the defaults, and a breaker can be switched on and off', () => {
  const defaults = { maxConcurrent: 20, ratePerSecond: 20, breaker: {} }
  expect(limitsFrom({}, defaults)).toEqual(defaults)
  expect(limitsFrom({ GATEWAY_MAX_CONCURRENT: '5', GATEWAY_BREAKER: 'false' }, defaults)).toEqual({
    maxConcurrent: 5,
    ratePerSecond: 20,
  })
  expect(limitsFrom({ GATEWAY_BREAKER_OPEN_MS: '9', GATEWAY_BREAKER_FAILURE_SHARE: '0.25' })).toEqual({
    breaker: { openMs: 9, failureShare: 0.25 },
  })
  expect(limitsFrom({ GATEWAY_BREAKER: 'true' })).toEqual({ breaker: {} })
})

// F109
test('everything that is wrong is told at once, without a secret in it', () => {
  const issues = issuesOf({
    GATEWAY: 'stripe',
    STRIPE_SECRET_KEY: 'pk_secret',
    STRIPE_API_BASE: 'ftp://x',
    STRIPE_WEBHOOK_SECRET: 'whsec_a',
    GATEWAY_MAX_CONCURRENT: '0',
  })
  expect(issues.map((issue) => issue.split(' ')[0])).toEqual([
    'STRIPE_SECRET_KEY',
    'STRIPE_API_BASE',
    'STRIPE_WEBHOOK_SECRET',
    'GATEWAY_MAX_CONCURRENT',
  ])
  expect(issues.join(' ')).not.toContain('secret ')
})

test('a missing secret key is told, and a live key needs no payment method', () => {
  expect(issuesOf({ GATEWAY: 'stripe' })).toEqual(['STRIPE_SECRET_KEY must be set'])
  const live = { GATEWAY: 'stripe', STRIPE_SECRET_KEY: 'sk_live_1' }
  expect(issuesOf(live)).toEqual([])
  // Versions that charged it needed it, and may run at the same time.
  expect(issuesOf({ ...live, STRIPE_PAYMENT_METHOD: 'pm_1' })).toEqual([])
})

test('what Adyen needs is told, without a secret in it', () => {
  expect(issuesOf({ GATEWAY: 'adyen' })).toEqual(
    expect.arrayContaining(['ADYEN_API_KEY must be set', 'ADYEN_MERCHANT_ACCOUNT must be set']),
  )
  const account = { GATEWAY: 'adyen', ADYEN_MERCHANT_ACCOUNT: 'Titan', ADYEN_API_KEY: 'AQE_secret' }
  expect(issuesOf(account)).toEqual([])
  expect(issuesOf({ ...account, ADYEN_ENVIRONMENT: 'live' })).toHaveLength(1)
  const wrong = issuesOf({ ...account, ADYEN_HMAC_KEY: 'secret', ADYEN_WEBHOOK_LOGIN: 'secret' })
  expect(wrong).toHaveLength(2)
  expect(wrong.join()).not.toContain('secret')
})

test('a gateway that does not exist is told with those that do', async () => {
  for (const name of ['paypal', 'toString'])
    await expect(openGateways({ GATEWAY: name })).rejects.toThrow(
      new RegExp(
        `^GATEWAYS ${name} cannot be loaded: .*; the gateways without a module are simulated, stripe, adyen`,
      ),
    )
})

test('breaker settings that contradict each other are told', () => {
  expect(issuesOf({ GATEWAY_BREAKER_MIN_CALLS: '30', GATEWAY_BREAKER_WINDOW: '20' })).toHaveLength(1)
})

test('a limited gateway says whether it is available', async () => {
  const gateway = await gatewayFrom({ GATEWAY_MAX_CONCURRENT: '4' })
  expect(gateway).toMatchObject({ available: true, circuit: 'closed' })
})
