import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadDefault } from '../src/index.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'titan-modules-'))
})
afterAll(() => rm(directory, { recursive: true }))

async function write(name: string, text: string): Promise<void> {
  const path = join(directory, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}

test.each([
  ['import alone', { type: 'module', exports: { import: './main.js' } }],
  ['import alone below a path', { type: 'module', exports: { '.': { import: './main.js' } } }],
  ['everyone', { type: 'module', exports: './main.js' }],
  ['every importer', { type: 'module', main: './main.js' }],
])('a package is found that exports itself to %s', async (name, manifest) => {
  const word = `acme-${name.replaceAll(' ', '-')}`
  await write(`node_modules/${word}/package.json`, JSON.stringify(manifest))
  await write(`node_modules/${word}/main.js`, "export default () => 'acme'")
  const make = await loadDefault('GATEWAYS', word, directory)
  expect(make()).toBe('acme')
})

test('a package that exports nothing is named', async () => {
  await write('node_modules/closed/package.json', '{ "exports": {} }')
  await expect(loadDefault('GATEWAYS', 'closed', directory)).rejects.toThrow(
    'GATEWAYS closed cannot be loaded',
  )
  await expect(loadDefault('GATEWAYS', 'missing', directory)).rejects.toThrow(
    'GATEWAYS missing cannot be loaded',
  )
})
