import { readFileSync } from 'node:fs'
import { runProgram } from '@titan/program'
import { expect, it, vi } from 'vitest'
import { workerProgram } from '../src/worker-program.ts'

/** What `load` reads the environment with. */
const LOADERS = [
  'payments/src/config.ts',
  'payments/src/gateway-from-env.ts',
  'payments/src/gateways/limits-from-env.ts',
  'payments/src/gateways/stripe-from-env.ts',
  'webhooks/src/config.ts',
]

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
  await runProgram(workerProgram, ['--help'], {})
  spy.mockRestore()
  const help = written.join('')
  const ofFlags = [...help.matchAll(/\[([A-Z][A-Z\d_,\s]+)\]/g)].flatMap(([, names = '']) =>
    names.split(/,\s+/),
  )
  const alone = [...help.matchAll(/^ {2}([A-Z][A-Z\d_]+) /gm)].map(([, name = '']) => name)
  return new Set([...ofFlags, ...alone])
}

it('shows every variable that takes effect, and no others', async () => {
  const read = new Set(LOADERS.flatMap(variablesIn))
  const own = Object.values(workerProgram.settings).flatMap(({ env, alsoEnv = [] }) => [env, ...alsoEnv])
  const standIns = workerProgram.sharedSettings.flatMap(({ alsoEnv = [], alsoRead = [] }) => [
    ...alsoEnv,
    ...alsoRead,
  ])

  expect(read.size).toBeGreaterThan(15)
  expect(await shownVariables()).toEqual(
    new Set([...read, ...own, ...standIns].filter((name) => name !== undefined)),
  )
})
