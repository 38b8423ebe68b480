import { storeSettings } from '@titan/payments'
import { sectionsOf, type SettingNames } from '@titan/service'
import { expect, it } from 'vitest'
import { COMMANDS } from '../src/commands.ts'

function variablesOf({ env, alsoEnv = [] }: SettingNames): string[] {
  return [env ?? [], ...alsoEnv].flat()
}

const WHERE = [
  'BULLMQ_REDIS_URL',
  ...storeSettings.sections.flatMap(({ settings }) => settings.flatMap(variablesOf)),
  'CONNECT_TIMEOUT_MS',
]

it.each(COMMANDS)('$name is about what its flags say: variables tell where the servers are', (command) => {
  const variables = sectionsOf(command).flatMap(({ settings }) =>
    settings.filter(({ flag }) => flag !== undefined).flatMap(variablesOf),
  )
  // As many retries as the workers make, which they read from the same variable.
  const known = command.name === 'titan verify' ? [...WHERE, 'MAX_RETRIES'] : WHERE
  expect(variables.filter((name) => !known.includes(name))).toEqual([])
})
