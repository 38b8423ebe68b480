import { tracingVariables } from '@titan/service'
import { variablesIn, variablesInHelp, variablesOf } from '@titan/service/testing'
import { expect, it } from 'vitest'
import { workerProgram } from '../src/worker-program.ts'

/** What `load` reads the environment with. */
const LOADERS = [
  'payments/src/config.ts',
  'payments/src/gateway-from-env.ts',
  'payments/src/gateways/limits-from-env.ts',
  'payments/src/gateways/stripe-from-env.ts',
  'webhooks/src/config.ts',
]

/** Most of them are read by the SDK itself. */
const TRACING = tracingVariables.variables.map(({ env }) => env)

it('shows every variable that takes effect, and no others', () => {
  const read = variablesIn(LOADERS)
  expect(read.size).toBeGreaterThan(15)
  expect(variablesInHelp(workerProgram)).toEqual(
    new Set([...read, ...variablesOf(workerProgram), ...TRACING]),
  )
})
