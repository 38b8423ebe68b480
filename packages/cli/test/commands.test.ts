import { storeSettings } from '@titan/service'
import { expect, it } from 'vitest'
import { COMMANDS } from '../src/commands.ts'

const WHERE = [...storeSettings().map(({ env }) => env), 'CONNECT_TIMEOUT_MS']

it.each(COMMANDS)(
  'titan $words is about what its flags say: variables tell where the servers are',
  (command) => {
    const variables = command.settings.flatMap(({ env, alsoEnv = [] }) => [env ?? [], ...alsoEnv].flat())
    // As many retries as the workers make, which they read from the same variable.
    const known = command.words === 'verify' ? [...WHERE, 'MAX_RETRIES'] : WHERE
    expect(variables.filter((name) => !known.includes(name))).toEqual([])
  },
)
