import { describe, expect, it } from 'vitest'
import { readCommandLine, type Environment } from '@titan/service'
import { workerProgram } from '../src/worker-program.ts'

const SERVERS = { DATABASE_URL: 'postgres://localhost/titan', REDIS_URL: 'redis://localhost' }

function faultsOf(args: readonly string[], env: Environment = SERVERS): readonly string[] {
  const given = readCommandLine(workerProgram, args, env)
  return 'faults' in given ? given.faults : []
}

function valuesOf(args: readonly string[], env: Environment = {}): Record<string, unknown> {
  const given = readCommandLine(workerProgram, args, { ...SERVERS, ...env })
  if ('faults' in given) throw new Error(given.faults.join())
  return {
    ...given.own,
    ...given.shared.config,
    ...given.shared.config.policy,
    gateways: given.shared.gateways.words,
  }
}

describe('the command line of titan-worker', () => {
  it('needs only the two servers', () => {
    expect(valuesOf([])).toMatchObject({
      group: 'workers',
      workerCount: 1,
      concurrency: 16,
      visibilityTimeoutMs: 30_000,
      relay: true,
      reconcile: true,
      books: true,
      check: false,
      maxRetries: 5,
      gateways: ['simulated'],
    })
  })

  it('takes a name from host and process when none is given', () => {
    expect(valuesOf([])['consumer']).toMatch(new RegExp(`-${process.pid}$`))
  })

  it('takes every flag', () => {
    const args =
      `--group g1 --consumer c1 --workers 2 --concurrency 3 --visibility-timeout-ms 4000 --max-retries 5
      --retry-base-ms 6 --retry-max-ms 7 --lease-ms 20000 --gateway-timeout-ms 8000 --queue-prefix p --grace-ms 9
      --gateway simulated --gateway-delay-ms 10 --no-relay --no-reconcile --no-migrate --retry-soft-declines`.split(
        /\s+/,
      )
    expect(valuesOf(args)).toMatchObject({
      group: 'g1',
      consumer: 'c1',
      workerCount: 2,
      concurrency: 3,
      visibilityTimeoutMs: 4_000,
      maxRetries: 5,
      retryBaseMs: 6,
      retryMaxMs: 7,
      leaseMs: 20_000,
      gatewayTimeoutMs: 8_000,
      prefix: 'p',
      graceMs: 9,
      relay: false,
      reconcile: false,
      migrate: false,
      retrySoftDeclines: true,
    })
  })

  it('takes every variable', () => {
    const env = {
      WORKER_GROUP: 'g1',
      WORKER_CONSUMER: 'c1',
      WORKER_COUNT: '2',
      WORKER_CONCURRENCY: '3',
      VISIBILITY_TIMEOUT: '4s',
      MAX_RETRIES: '5',
      RETRY_BASE_MS: '6',
      SHUTDOWN_GRACE_MS: '9',
      WORKER_RELAY: 'false',
      REDIS_URL: '',
      REDIS_ADDR: 'cache:6380',
    }
    expect(valuesOf([], env)).toMatchObject({
      group: 'g1',
      consumer: 'c1',
      workerCount: 2,
      concurrency: 3,
      visibilityTimeoutMs: 4_000,
      maxRetries: 5,
      retryBaseMs: 6,
      graceMs: 9,
      relay: false,
      redisUrl: 'redis://cache:6380',
    })
  })

  it('takes flags with an equals sign and in camel case', () => {
    expect(valuesOf(['--group=g1', '--visibilityTimeoutMs=5000'])).toMatchObject({
      group: 'g1',
      visibilityTimeoutMs: 5_000,
    })
  })

  it.each([
    ['an unknown flag', ['--grup', 'g1'], 'unknown flag --grup'],
    ['a word', ['run'], "unexpected argument 'run'"],
    ['a flag without its value', ['--group'], '--group needs a value'],
    ['a flag whose value is empty', ['--group='], '--group needs a value'],
    ['a switch of a flag that is none', ['--no-group'], '--group needs a value'],
    ['a bad name', ['--group', 'a b'], '--group must be 1 to 100 letters, digits or . : - _'],
    ['a bad number', ['--concurrency', '0'], '--concurrency must be a whole number from 1 to 10000, got "0"'],
    [
      'a bad number of the payments',
      ['--max-retries', 'x'],
      '--max-retries must be a whole number from 0 to 1000, got "x"',
    ],
    [
      'a bad URL',
      ['--database-url', 'mysql://x'],
      '--database-url must start with postgres:// or postgresql://',
    ],
    [
      'a bad rate',
      ['--gateway-success-rate', '2'],
      '--gateway-success-rate must be a number from 0 to 1, got "2"',
    ],
    [
      'a lease that the gateway may outlast',
      ['--lease-ms', '1000'],
      'LEASE_MS must be at least GATEWAY_TIMEOUT_MS + 2000: a lease must outlive the gateway call it covers',
    ],
  ])('refuses %s', (_case, args, fault) => {
    expect(faultsOf(args)).toEqual([fault])
  })

  it('refuses what can be no gateway, and rates that come to more than one', () => {
    expect(faultsOf(['--gateway', 'a b'])).toEqual([expect.stringMatching(/^--gateway must be one of /)])
    expect(faultsOf(['--gateway-success-rate', '0.9', '--gateway-transient-rate', '0.9'])).toHaveLength(1)
  })

  it('names the variable where no flag was given', () => {
    expect(faultsOf([], { ...SERVERS, MAX_RETRIES: 'x', WORKER_COUNT: '0' })).toEqual([
      'WORKER_COUNT must be a whole number from 1 to 100, got "0"',
      'MAX_RETRIES must be a whole number from 0 to 1000, got "x"',
    ])
  })
})
