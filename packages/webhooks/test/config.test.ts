import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { DEFAULT_RETRY_SCHEDULE, loadWebhooksConfig, PUBLIC_EGRESS } from '../src/index.ts'

const key = randomBytes(32)
const KEY = key.toString('base64')

test('without a key there are no webhooks', () => {
  expect(loadWebhooksConfig({})).toBeUndefined()
  expect(loadWebhooksConfig({ WEBHOOK_ENCRYPTION_KEY: ' ' })).toBeUndefined()
})

test('the defaults send to the public internet over TLS, by the schedule of the specification', () => {
  expect(loadWebhooksConfig({ WEBHOOK_ENCRYPTION_KEY: KEY })).toEqual({
    encryptionKeys: [key],
    egress: PUBLIC_EGRESS,
    retryDelaysMs: DEFAULT_RETRY_SCHEDULE.delaysMs,
    timeoutMs: 15_000,
    concurrency: 64,
    endpointConcurrency: 8,
    retentionMs: 30 * 86_400_000,
  })
})

test('a key is base64 or hexadecimal, and there may be old ones behind it', () => {
  const old = randomBytes(32)
  const config = loadWebhooksConfig({
    WEBHOOK_ENCRYPTION_KEY: `${key.toString('hex')}, ${old.toString('base64url')}`,
  })
  expect(config?.encryptionKeys).toEqual([key, old])
})

test('everything can be set', () => {
  const config = loadWebhooksConfig({
    WEBHOOK_ENCRYPTION_KEY: KEY,
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOWED_PORTS: '80, 9000',
    WEBHOOK_ALLOWED_SUBNETS: '127.0.0.0/8,fd00::/8',
    WEBHOOK_RETRY_DELAYS_MS: '0,100,200',
    WEBHOOK_TIMEOUT_MS: '500',
    WEBHOOK_CONCURRENCY: '2',
    WEBHOOK_ENDPOINT_CONCURRENCY: '1',
    WEBHOOK_RETENTION_MS: '3600000',
  })
  expect(config).toMatchObject({
    egress: { allowHttp: true, allowedPorts: [80, 9_000], allowedSubnets: ['127.0.0.0/8', 'fd00::/8'] },
    retryDelaysMs: [0, 100, 200],
    timeoutMs: 500,
    concurrency: 2,
    endpointConcurrency: 1,
    retentionMs: 3_600_000,
  })
})

test('everything that is wrong is said at once, and no value is repeated', () => {
  const bad = {
    WEBHOOK_ENCRYPTION_KEY: 'c2hvcnQ=',
    WEBHOOK_ALLOW_HTTP: 'yes',
    WEBHOOK_ALLOWED_PORTS: '0',
    WEBHOOK_ALLOWED_SUBNETS: '127.0.0.1',
    WEBHOOK_RETRY_DELAYS_MS: ',',
    WEBHOOK_TIMEOUT_MS: '15s',
    WEBHOOK_CONCURRENCY: '0',
    WEBHOOK_ENDPOINT_CONCURRENCY: '-1',
  }
  const attempt = (): unknown => loadWebhooksConfig(bad)
  expect(attempt).toThrow(
    expect.objectContaining({
      code: 'INVALID_CONFIG',
      issues: Object.keys(bad).map((name) => expect.stringMatching(new RegExp(`^${name} must be`))),
    }),
  )
  expect(attempt).not.toThrow('c2hvcnQ=')
})
