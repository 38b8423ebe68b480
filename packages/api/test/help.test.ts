import { readCommandLine, sectionsOf, tracingVariables } from '@titan/service'
import { expect, it } from 'vitest'
import { apiProgram } from '../src/api-program.ts'

/** The SDK of OpenTelemetry reads them. */
const TRACING = tracingVariables.settings.map(({ env }) => env)

it('shows every variable that takes effect, and no others', () => {
  const read = new Set<string | undefined>(TRACING)
  for (const GATEWAY of ['simulated', 'stripe', 'adyen']) {
    const given: Record<string, string> = {
      GATEWAY,
      WEBHOOK_ENCRYPTION_KEY: 'k',
      STRIPE_SECRET_KEY: 'sk_test_1',
      ADYEN_API_KEY: 'key',
      ADYEN_MERCHANT_ACCOUNT: 'merchant',
    }
    const environment = new Proxy(given, { get: (_, name) => read.add(String(name)) && given[String(name)] })
    readCommandLine(apiProgram, [], environment)
  }
  // Those of one gateway go over the common ones.
  const limits = ['MAX_CONCURRENT', 'RATE_PER_SECOND', 'BREAKER']
  const isOfOne = (name = ''): boolean =>
    /^(STRIPE|SIMULATED|ADYEN)_/.test(name) &&
    limits.some((limit) => name.replace(/^[A-Z]+_/, '').startsWith(limit))
  for (const name of read) if (isOfOne(name)) read.delete(name)
  const shown = sectionsOf(apiProgram).flatMap(({ settings }) => settings)
  expect(new Set(shown.flatMap(({ env, alsoEnv = [] }) => [env, ...alsoEnv]))).toEqual(read)
})
