import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { readLedger, spawnGatewaySimulator } from '../src/index.ts'
import { charge, newLedgerPath } from './support/rig.ts'

const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

async function run(...flags: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [cli, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exit = once(child, 'exit')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = (await exit) as [number]
  return { code, stdout, stderr }
}

test('--help names every flag', async () => {
  const { code, stdout } = await run('--help')
  expect(code).toBe(0)
  for (const flag of ['--ledger', '--key-ttl-ms', '--webhook-url', '--weights', '--rules', '--seed'])
    expect(stdout).toContain(flag)
})

test.each([['--nonsense'], ['--port=x'], ['--weights={"nonsense":1}']])(
  '%s is refused in one line',
  async (flag) => {
    const { code, stderr } = await run(flag, '--ledger=/dev/null')
    expect(code).toBe(2)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  },
)

test('a ledger that cannot be opened is told, and nothing listens', async () => {
  const { code, stdout, stderr } = await run('--ledger=/nowhere/ledger.jsonl')
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain('ENOENT')
})

test('flags reach the simulator, and SIGTERM ends it', async () => {
  const ledgerPath = await newLedgerPath()
  const simulator = await spawnGatewaySimulator({
    ledgerPath,
    secretKey: 'sk_test_1',
    rules: [{ amount: 4001, behaviour: 'decline:hard' }],
  })
  onTestFinished(() => simulator.close())
  expect((await charge(simulator.url, { amount: 4001 })).status).toBe(402)
  expect((await charge(simulator.url, { headers: { authorization: 'Bearer sk_2' } })).status).toBe(401)
  await simulator.close()
  await expect(charge(simulator.url)).rejects.toThrow()
  expect((await readLedger(ledgerPath)).requests).toHaveLength(2)
})

test('a slow request does not keep a simulator that is stopped', async () => {
  const simulator = await spawnGatewaySimulator({ ledgerPath: await newLedgerPath() })
  onTestFinished(() => simulator.kill())
  await simulator.order({ behaviours: ['slow:600000'] })
  const answer = charge(simulator.url).catch(() => 'reset')
  await eventually(async () => (await readLedger(simulator.ledgerPath)).requests.length === 1)
  await simulator.close()
  expect(await answer).toBe('reset')
})

test('a simulator ends when the process that spawned it is killed', { timeout: 60_000 }, async () => {
  const ledgerPath = await newLedgerPath()
  const index = new URL('../src/index.ts', import.meta.url).href
  const script = `const { spawnGatewaySimulator } = await import(${JSON.stringify(index)})
    console.log((await spawnGatewaySimulator({ ledgerPath: process.argv[1] })).url)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script, ledgerPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const url = line.toString().trim()
  expect((await charge(url)).status).toBe(200)
  parent.kill('SIGKILL')
  await eventually(() => expect(charge(url)).rejects.toThrow(), { timeoutMs: 30_000 })
})
