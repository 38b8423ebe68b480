import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { REPOSITORY } from '../src/repository.ts'

/** What each package of `packages` may import from the others, the lower layers first. */
const IMPORTS: Readonly<Record<string, readonly string[]>> = {
  client: [],
  'queue-core': [],
  service: ['queue-core'],
  payments: ['queue-core', 'service'],
  conformance: ['payments', 'queue-core'],
  webhooks: ['payments', 'queue-core', 'service'],
  telemetry: ['payments', 'queue-core', 'service', 'webhooks'],
  dashboard: ['payments', 'queue-core', 'service', 'webhooks'],
  worker: ['payments', 'queue-core', 'service', 'telemetry', 'webhooks'],
  api: ['dashboard', 'payments', 'queue-core', 'service', 'telemetry', 'webhooks'],
  cli: ['api', 'conformance', 'dashboard', 'payments', 'queue-core', 'service', 'webhooks'],
}

/** Files in a folder at most. */
const FOLDER_SIZE = 20
/** Folders that are still too large, with what they may hold until they are divided. */
const LARGE_FOLDERS: Readonly<Record<string, number>> = { 'cli/src/commands': 24 }

const packages = new URL('packages/', REPOSITORY)

/** The sources of a package, by their path from `packages`. */
function sourcesOf(name: string): string[] {
  return readdirSync(new URL(`${name}/src/`, packages), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.\w+$/.test(path))
    .map((path) => `${name}/src/${path}`)
}

/** What the sources of a package import: names of packages, and paths that leave the package. */
function importsOf(name: string): string[] {
  const outside = sourcesOf(name).flatMap((path) => {
    const text = readFileSync(new URL(path, packages), 'utf8')
    const specifiers = [...text.matchAll(/(?:\bfrom|\bimport\(?)\s*'([^']+)'/g)].map(([, it = '']) => it)
    return specifiers.flatMap((specifier) => {
      if (specifier.startsWith('@titan/')) return specifier.split('/')[1] ?? ''
      if (!specifier.startsWith('.')) return []
      const { pathname } = new URL(specifier, `file:///${path}`)
      return pathname.startsWith(`/${name}/`) ? [] : `${path} → ${specifier}`
    })
  })
  return [...new Set(outside)].toSorted()
}

test('every package has a place in the layers', () => {
  // A folder without a manifest is what git leaves of a package that moved.
  const names = readdirSync(packages).filter((name) => existsSync(new URL(`${name}/package.json`, packages)))
  expect(names.toSorted()).toEqual(Object.keys(IMPORTS).toSorted())
})

test('the layers have no cycles', () => {
  const lower = new Set<string>()
  for (const [name, imports] of Object.entries(IMPORTS)) {
    expect(
      imports.filter((other) => !lower.has(other)),
      name,
    ).toEqual([])
    lower.add(name)
  }
})

test.each(Object.entries(IMPORTS))(
  '%s imports only from the layers below it, and no tool',
  (name, imports) => {
    expect(importsOf(name).filter((other) => !imports.includes(other))).toEqual([])
  },
)

test.each(Object.keys(IMPORTS))('the folders of %s are small enough to survey', (name) => {
  const folders = Map.groupBy(sourcesOf(name), (path) => path.slice(0, path.lastIndexOf('/')))
  for (const [folder, { length }] of folders)
    expect(length, folder).toBeLessThanOrEqual(LARGE_FOLDERS[folder] ?? FOLDER_SIZE)
})
