import { expect, test } from 'vitest'
import { InvalidSettings, type Environment } from '@titan/service'
import { gatewaySettings, loadPaymentsConfig, openGateways } from '../src/index.ts'

const complete = { DATABASE_URL: 'postgres://db/titan', REDIS_URL: 'redis://cache:6379' }

function issuesOf(call: () => unknown): readonly string[] {
  try {
    call()
  } catch (error) {
    if (error instanceof InvalidSettings) return error.issues
    throw error
  }
  return []
}

test('two addresses are enough', () => {
  expect(loadPaymentsConfig(complete)).toMatchObject({
    databaseUrl: 'postgres://db/titan',
    redisUrl: 'redis://cache:6379',
    prefix: 'titan',
    policy: { maxRetries: 5, retrySoftDeclines: false },
  })
})

test('REDIS_ADDR stands in for REDIS_URL', () => {
  const config = loadPaymentsConfig({ DATABASE_URL: complete.DATABASE_URL, REDIS_ADDR: 'cache:6380' })
  expect(config.redisUrl).toBe('redis://cache:6380')
})

test('the database url carries whether statements may have names', () => {
  const config = loadPaymentsConfig({
    ...complete,
    DATABASE_URL: 'postgres://db/titan?sslmode=require',
    DATABASE_PREPARE: 'false',
  })
  expect(config.databaseUrl).toBe('postgres://db/titan?sslmode=require&prepare=false')
})

test('everything that is wrong is said at once, without the values', () => {
  const environment: Environment = {
    DATABASE_URL: 'mysql://user:secret@db',
    MAX_RETRIES: '-1',
    LEASE_MS: 'soon',
    RETRY_SOFT_DECLINES: 'maybe',
  }
  const issues = issuesOf(() => loadPaymentsConfig(environment))
  expect(issues.map((issue) => issue.split(' ')[0])).toEqual([
    'DATABASE_URL',
    'REDIS_URL',
    'MAX_RETRIES',
    'RETRY_SOFT_DECLINES',
    'LEASE_MS',
  ])
  expect(issues.join()).not.toContain('secret')
  expect(issues).toContain('REDIS_URL must be set')
})

test('an empty variable counts as not set', () => {
  expect(loadPaymentsConfig({ ...complete, MAX_RETRIES: '' }).policy.maxRetries).toBe(5)
  expect(issuesOf(() => loadPaymentsConfig({ ...complete, DATABASE_URL: ' ' }))).toEqual([
    'DATABASE_URL must be set',
  ])
})

// F39
test('a lease must outlive the gateway call it covers', () => {
  const issues = issuesOf(() =>
    loadPaymentsConfig({ ...complete, LEASE_MS: '5000', GATEWAY_TIMEOUT_MS: '4000' }),
  )
  expect(issues).toEqual([expect.stringContaining('LEASE_MS must be at least GATEWAY_TIMEOUT_MS + 2000')])
})

test('the simulated gateway is the default and reads its rates', async () => {
  expect((await openGateways({})).names).toEqual(['simulated'])
  const gateways = await openGateways({
    GATEWAY: 'simulated',
    GATEWAY_DECLINE_RATE: '1',
    GATEWAY_DELAY_MS: '0',
  })
  const request = { paymentId: 'pay_1', attemptNo: 1, gatewayKey: 'k', amount: 1, currency: 'USD' }
  expect(
    await gateways.get('simulated')?.charge(request, { signal: new AbortController().signal }),
  ).toMatchObject({ type: 'DECLINED' })
})

test('everything wrong with a gateway is told at once', () => {
  const environment = { GATEWAY_DECLINE_RATE: '2', GATEWAY_DELAY_MS: 'x' }
  expect(issuesOf(() => gatewaySettings.read({ environment }))).toHaveLength(2)
})
