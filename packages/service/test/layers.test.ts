import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

it('lies below the packages that it serves: of them it depends on the queue engine alone', () => {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { dependencies } = JSON.parse(manifest) as { readonly dependencies: Readonly<Record<string, string>> }
  expect(Object.keys(dependencies).filter((name) => name.startsWith('@titan/'))).toEqual([
    '@titan/queue-core',
  ])
})
