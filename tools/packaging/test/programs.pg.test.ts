import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { promisify } from 'node:util'
import { createTestDatabase } from '@titan/testkit'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, expect, inject, onTestFinished, test, vi } from 'vitest'

vi.setConfig({ testTimeout: 120_000 })
const execute = promisify(execFile)
const repository = resolve(import.meta.dirname, '../../..')
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'titan-programs-')))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const PROGRAMS = { '@titan/cli': 'packages/cli', '@titan/gateway-simulator': 'tools/gateway-simulator' }

async function runPnpm(cwd: string, ...args: string[]) {
  await execute('npx', ['--yes', 'pnpm@12', ...args], { cwd, shell: process.platform === 'win32' })
}

/** Packs the programs and installs them in a folder that knows nothing of the workspace, without a network. */
async function install() {
  const dependencies: Record<string, string> = {}
  for (const [name, path] of Object.entries(PROGRAMS)) {
    const to = join(folder, path)
    await runPnpm(join(repository, path), 'pack', '--pack-destination', to)
    dependencies[name] = `file:${join(to, readdirSync(to)[0] ?? '')}`
  }
  const stripe = `link:${realpathSync(join(repository, 'packages/payments/node_modules/stripe'))}`
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }))
  writeFileSync(join(folder, 'pnpm-workspace.yaml'), JSON.stringify({ overrides: { stripe } }))
  await runPnpm(folder, 'install', '--offline')
}

await install()

async function titan(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const program = join(folder, 'node_modules/@titan/cli/cli.mjs')
  const options = { cwd: folder, env: { ...process.env, ...env } }
  const { stdout } = await execute(process.execPath, [program, ...args], options)
  return stdout
}

test.each(Object.keys(PROGRAMS))('the package %s has no fault that publint knows', async (name) => {
  const { messages, pkg } = await publint({ pkgDir: join(folder, 'node_modules', name), pack: false })
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
  expect(JSON.stringify(pkg)).not.toMatch(/workspace:|catalog:|@titan\/(?!cli|gateway-simulator)/u)
})

test.each(Object.keys(PROGRAMS))(
  'the package %s holds a program and the licences of all its code',
  (name) => {
    const files = readdirSync(join(folder, 'node_modules', name))
    const expected = ['LICENSE', 'README.md', 'THIRD-PARTY-LICENSES', 'cli.mjs', 'package.json']
    expect(files.filter((file) => file !== 'files' && file !== 'node_modules')).toEqual(expected)
  },
)

test('titan from the package migrates, diagnoses and verifies, with its own SQL', async () => {
  const database = await createTestDatabase(inject('databaseUrl'))
  onTestFinished(() => database.drop())
  const env = { DATABASE_URL: database.url, REDIS_URL: inject('redisUrl') }
  expect(await titan(['--version'])).toMatch(/^\d+\.\d+\.\d+\n$/u)
  expect(await titan(['migrate'], env)).toContain('0001_payments')
  const { findings } = JSON.parse(await titan(['verify', '--json'], env)) as {
    findings: { verdict: string }[]
  }
  expect(findings.filter(({ verdict }) => verdict === 'PASS').length).toBeGreaterThan(5)
  expect(findings.filter(({ verdict }) => verdict === 'FAIL')).toEqual([])
  expect(await titan(['doctor', '--json'], env).catch((error: { stdout: string }) => error.stdout)).toContain(
    'postgres.migrations',
  )
  expect(await titan(['keys', 'create', 'the shop', '--scope', 'write'], env)).not.toBe('')
})

test('the simulator from the package charges', async () => {
  const program = join(folder, 'node_modules/@titan/gateway-simulator/cli.mjs')
  const simulator = spawn(process.execPath, [program, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void simulator.kill('SIGKILL'))
  const [line] = (await once(createInterface(simulator.stdout), 'line')) as [string]
  const response = await fetch(`${line.split(' ').at(-1)}/v1/payment_intents`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk_test_any' },
    body: new URLSearchParams({
      amount: '500',
      currency: 'usd',
      confirm: 'true',
      payment_method: 'pm_card_visa',
      'automatic_payment_methods[enabled]': 'true',
      'automatic_payment_methods[allow_redirects]': 'never',
    }),
  })
  expect(await response.json()).toMatchObject({ status: 'succeeded', amount_received: 500 })
})
