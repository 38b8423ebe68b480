import { tracingVariables } from '@titan/service'
import { variablesIn, variablesInHelp, variablesOf } from '@titan/service/testing'
import { expect, it } from 'vitest'
import { apiProgram } from '../src/api-program.ts'

/** What `load` reads the environment with. */
const LOADERS = [
  'payments/src/config.ts',
  'payments/src/gateways/webhooks-from-env.ts',
  'webhooks/src/config.ts',
  'dashboard/src/config.ts',
]

/** They are checked here too, but only workers act by them. */
const WORKERS_ONLY = ['GATEWAY_TIMEOUT_MS', 'LEASE_MS', 'RELAY_INTERVAL_MS', 'RECONCILE_INTERVAL_MS']

/** Most of them are read by the SDK itself. */
const TRACING = tracingVariables.variables.map(({ env }) => env)

it('shows every variable that takes effect, and no others', () => {
  const read = [...variablesIn(LOADERS)].filter((name) => !WORKERS_ONLY.includes(name))
  expect(read.length).toBeGreaterThan(15)
  expect(variablesInHelp(apiProgram)).toEqual(new Set([...read, ...variablesOf(apiProgram), ...TRACING]))
})
