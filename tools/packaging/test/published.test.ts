import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const repository = resolve(import.meta.dirname, '../../..')

interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly license?: string
}

test('only these packages can be published', () => {
  const files = globSync(['package.json', '{packages,tools}/*/package.json', 'examples/package.json'], {
    cwd: repository,
  })
  const manifests = files.map((file) => JSON.parse(readFileSync(join(repository, file), 'utf8')) as Manifest)
  const published = manifests.filter((manifest) => manifest.private !== true)
  expect(published.map(({ name }) => name).toSorted()).toEqual([
    '@titan/cli',
    '@titan/client',
    '@titan/gateway-simulator',
    '@titan/queue-core',
  ])
  for (const manifest of published)
    expect(manifest).toMatchObject({
      license: 'MIT',
      engines: { node: expect.any(String) },
      repository: { type: 'git' },
      publishConfig: { access: 'public' },
    })
})
