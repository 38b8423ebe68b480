import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

test.each([
  [['--payments', '0'], /--payments must be a whole number/],
  [['--on', 'mars'], /--on must be one of single.*got "mars"/],
])('%j is a usage error', (args, message) => {
  const { status, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' })
  expect(stderr).toMatch(message)
  expect(status).toBe(2)
})
