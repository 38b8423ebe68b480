import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { createPaymentStore, migrate, openDatabase } from '@titan/payments'
import { createTestDatabase, eventually, spawnProgram, testPrefix } from '@titan/testkit'
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
    const more = ['files', 'gateway.d.mts', 'node_modules']
    expect(files.filter((file) => !more.includes(file))).toEqual(expected)
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

const acme = join(folder, 'acme')
cpSync(join(repository, 'examples/acme'), acme, { recursive: true })

test('an adapter outside the repository compiles against the types of the package, and conforms', async () => {
  const options = [
    '--allowJs',
    '--checkJs',
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2024',
  ]
  const types = ['--types', 'node', '--typeRoots', join(repository, 'node_modules/@types')]
  const tsc = join(repository, 'node_modules/typescript/bin/tsc')
  await execute(process.execPath, [tsc, ...options, ...types, 'acme.js', 'acme.check.js'], {
    cwd: acme,
  }).catch((error: { stdout: string }) => expect(error.stdout).toBe(''))
  const report = JSON.parse(await titan(['gateways', 'check', './acme/acme.js', '--json'])) as {
    isConforming: boolean
    behaviours: { verdict: string }[]
  }
  expect(report.behaviours.filter(({ verdict }) => verdict !== 'passed')).toEqual([])
  expect(report.isConforming).toBe(true)
})

test('an adapter outside the repository charges for a worker', async () => {
  const database = await createTestDatabase(inject('databaseUrl'))
  const sql = openDatabase(database.url, { poolSize: 2 })
  await migrate(sql)
  const module = (await import(pathToFileURL(join(acme, 'acme.check.js')).href)) as { default: AcmeCheck }
  const server = await module.default.start()
  const worker = spawnProgram('worker', [], {
    ...module.default.environment(server.url),
    GATEWAYS: join(acme, 'acme.js'),
    DATABASE_URL: database.url,
    REDIS_URL: inject('redisUrl'),
    QUEUE_PREFIX: testPrefix(),
  })
  onTestFinished(async () => {
    await worker.kill()
    await server.close()
    await sql.end({ timeout: 1 })
    await database.drop()
  })
  const store = createPaymentStore(sql)
  const created = await store.create({ amount: 1_999, idempotencyKey: 'first', paymentMethod: 'card_ok' })
  if (created.kind !== 'created') throw new Error(`the key was answered ${created.kind}`)
  const { id: paymentId } = created.payment
  await eventually(async () => (await store.get(paymentId))?.status === 'SUCCESS', { timeoutMs: 60_000 })
  expect(await store.attempts(paymentId)).toMatchObject([{ gateway: 'acme' }])
  expect(await server.charges({ paymentId, attemptNo: 1 })).toHaveLength(1)
})

/** What the check file of the example exports. */
interface AcmeCheck {
  environment(url: string): Readonly<Record<string, string>>
  start(): Promise<{
    readonly url: string
    charges(request: { readonly paymentId: string; readonly attemptNo: number }): Promise<unknown[]>
    close(): Promise<void>
  }>
}

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
