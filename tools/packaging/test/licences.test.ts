import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

/** They ask for no more than to be named. */
const ALLOWED = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'Unlicense',
]

test('each dependency of a program has a licence that we accept', () => {
  const output = execFileSync('npx', ['--yes', 'pnpm@12', '-r', 'licenses', 'list', '--prod', '--json'], {
    cwd: resolve(import.meta.dirname, '../../..'),
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  const byLicence = JSON.parse(output) as Readonly<Record<string, readonly { readonly name: string }[]>>
  const refused = Object.entries(byLicence).flatMap(([licence, packages]) =>
    ALLOWED.includes(licence) ? [] : packages.map(({ name }) => `${name}: ${licence}`),
  )
  expect(refused).toEqual([])
  expect(Object.keys(byLicence)).toContain('MIT')
})
