import { readFileSync } from 'node:fs'
import { runProgram } from '@titan/program'
import { expect, it, vi } from 'vitest'
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

/** The variables that a file names: members of a schema, and look-ups by name. */
function variablesIn(file: string): string[] {
  const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
  const names = text.matchAll(/(?:^ +|\{ )([A-Z][A-Z\d_]{3,}): |(?:environment|given)\['([A-Z\d_]+)'\]/gm)
  return [...names]
    .flatMap(([, member, lookup]) => member ?? lookup ?? [])
    .filter((name) => name !== 'INVALID_CONFIG')
}

/** The variables that a person finds in the help. */
async function shownVariables(): Promise<Set<string>> {
  const written: string[] = []
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => written.push(String(chunk)) > 0)
  await runProgram(apiProgram, ['--help'], {})
  spy.mockRestore()
  const help = written.join('')
  const ofFlags = [...help.matchAll(/\[([A-Z][A-Z\d_,\s]+)\]/g)].flatMap(([, names = '']) =>
    names.split(/,\s+/),
  )
  const alone = [...help.matchAll(/^ {2}([A-Z][A-Z\d_]+) /gm)].map(([, name = '']) => name)
  return new Set([...ofFlags, ...alone])
}

it('shows every variable that takes effect, and no others', async () => {
  const read = new Set(LOADERS.flatMap(variablesIn).filter((name) => !WORKERS_ONLY.includes(name)))
  const own = Object.values(apiProgram.settings).flatMap(({ env, alsoEnv = [] }) => [env, ...alsoEnv])
  const standIns = apiProgram.sharedSettings.flatMap(({ alsoEnv = [], alsoRead = [] }) => [
    ...alsoEnv,
    ...alsoRead,
  ])

  expect(read.size).toBeGreaterThan(15)
  expect(await shownVariables()).toEqual(
    new Set([...read, ...own, ...standIns].filter((name) => name !== undefined)),
  )
})
