import { execFile } from 'node:child_process'
import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { eventually } from '@titan/testkit'
import { createFolder } from './support/folder.ts'
import { takePort } from './support/port.ts'
import { findProcesses, runStart } from './support/start.ts'

const isLinux = process.platform === 'linux'
/** Payments that succeed at once, where their life is not what is tested. */
const QUICK = { GATEWAY_DELAY_MS: '10' }

/** The last line that was printed of each payment. */
function lastLines(output: string): string[] {
  const lines = output
    .split('\n')
    .filter((line) => / (PENDING|SUCCESS|FAILED)\b/u.test(line) && line.startsWith('  '))
  return [...new Map(lines.map((line) => [line.trim().split(' ')[0], line])).values()]
}

async function expectNothingLeft(stateFolder: string): Promise<void> {
  if (isLinux) expect(findProcesses(stateFolder)).toEqual([])
  expect(readdirSync(stateFolder, { recursive: true }).map(String)).not.toContain('start.json')
}

/** The answer of a Redis to one command of a client without a password. */
async function askRedis(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.end(`${command}\r\n`)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

const TITAN = fileURLToPath(new URL('../../../packages/cli/src/cli.ts', import.meta.url))

/** Runs `titan verify` with the variables of an environment file. Returns the invariants that are broken. */
async function runVerify(environment: string): Promise<string[]> {
  const lines = [...environment.matchAll(/^export (\w+)='(.*)'$/gmu)]
  const env = Object.fromEntries(lines.map(([, name = '', value = '']) => [name, value]))
  const report = await new Promise<string>((resolve) => {
    execFile(process.execPath, [TITAN, 'verify', '--json'], { env }, (_error, stdout) => resolve(stdout))
  })
  const { findings } = JSON.parse(report) as { findings: { id: string; verdict: string; reason: string }[] }
  expect(findings.filter(({ reason }) => reason.includes('no ledger'))).toEqual([])
  return findings.filter(({ verdict }) => verdict === 'FAIL').map(({ id }) => id)
}

describe('start', { timeout: 180_000 }, () => {
  test('shows every sample on its way to the end, and leaves no process behind', async () => {
    const stateFolder = createFolder()
    const start = runStart(stateFolder, ['--once'])
    expect(await start.exited, start.output()).toBe(0)

    const lines = lastLines(start.output())
    expect(lines).toHaveLength(6)
    for (const line of lines)
      expect(line).toMatch(/PENDING → QUEUED → PROCESSING( → \w+)* → (SUCCESS|FAILED)/u)
    await expectNothingLeft(stateFolder)
  })

  test('finds its data again: a file that is sent a second time is answered with replays', async () => {
    const stateFolder = createFolder()
    const file = join(stateFolder, 'payments.csv')
    writeFileSync(file, 'amount,idempotency_key,currency\n500,key-1,EUR\nabc,key-2,\n75,key-3,\n')

    const first = runStart(stateFolder, ['--once', '--input', file], QUICK)
    expect(await first.exited, first.output()).toBe(1)
    const second = runStart(stateFolder, ['--once', '--input', file], QUICK)
    expect(await second.exited, second.output()).toBe(1)

    expect(first.output()).toContain('line 3: the amount "abc" is not a whole number')
    expect(first.output()).not.toContain('replay')
    expect(lastLines(first.output())).toHaveLength(2)
    // By key: payments are sent at the same time, so their lines may come in any order.
    const ids = (output: string): Record<string, string | undefined> =>
      Object.fromEntries(
        lastLines(output).map((line) => [/key-\d/u.exec(line)?.[0], /pay_\w+/u.exec(line)?.[0]]),
      )
    expect(Object.keys(ids(first.output())).toSorted()).toEqual(['key-1', 'key-3'])
    expect(ids(second.output()), second.output()).toEqual(ids(first.output()))
    expect(second.output()).toContain('2 were replays')
  })

  // F267
  test('says with 130 that it was stopped before the payments had ended, and how far it came', async () => {
    const stateFolder = createFolder()
    const file = join(stateFolder, 'payments.csv')
    writeFileSync(file, 'amount,idempotency_key\n1,250,key-1\n500,key-2\n')
    const start = runStart(stateFolder, ['--once', '--input', file], { GATEWAY_DELAY_MS: '60000' })
    await start.waitFor(/key-2 .*PENDING/u)
    start.signal('SIGINT')
    expect(await start.exited, start.output()).toBe(130)
    expect(start.output()).toContain('(2 rows read, 1 refused)')
    expect(start.output()).toContain('line 2: 3 cells, but the first line names 2 columns')
    expect(start.output()).toContain('Stopped early: 1 still in progress, 1 bad row')
    await expectNothingLeft(stateFolder)
  })

  // F267
  test('waits while the API takes no more requests, and sends every row', async () => {
    const stateFolder = createFolder()
    const file = join(stateFolder, 'payments.csv')
    const rows = Array.from({ length: 40 }, (_, index) => `${index + 1},key-${index}\n`)
    writeFileSync(file, `amount,idempotency_key\n${rows.join('')}`)
    const start = runStart(stateFolder, ['--once', '--input', file], { ...QUICK, MAX_IN_FLIGHT: '1' })
    expect(await start.exited, start.output()).toBe(0)
    expect(start.output()).toContain('40 SUCCESS')
    expect(start.output()).toContain('retrying after HTTP 503')
  })

  // F255 a local user asks the Redis of `pnpm start` or of compose without a password: refused; the password
  //  is in no list of processes
  test('serves until it is told to stop, and only one of two starts runs', async () => {
    const stateFolder = createFolder()
    const start = runStart(stateFolder, [], QUICK)
    const [, url = ''] = await start.waitFor(/Serving on (http:\S+)/u)

    const other = runStart(stateFolder, ['--once'])
    expect(await other.exited).toBe(1)
    expect(other.output()).toContain(`is already in use by process ${start.pid}`)

    const response = await fetch(`${url}/pay`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ amount: 500, idempotency_key: 'abc123' }),
    })
    expect(await response.json()).toMatchObject({ payment_id: expect.stringMatching(/^pay_/u), amount: 500 })

    const environment = readFileSync(join(stateFolder, 'env'), 'utf8')
    expect(statSync(join(stateFolder, 'env')).mode & 0o777).toBe(0o600)
    // The role of the programs owns nothing, and neither server is open.
    expect(environment).toMatch(/postgres:\/\/titan_app:[\da-f]{48}@/u)
    expect(environment).toMatch(/redis:\/\/:[\da-f]{48}@/u)
    const [, redisPort = ''] = /@127\.0\.0\.1:(\d+)'\n/u.exec(environment) ?? []
    expect(await askRedis(Number(redisPort), 'PING')).toMatch(/^-NOAUTH/u)
    // With them, an API and a worker of one's own run alongside: they change no tables.
    expect(environment).toMatch(
      /^export DATABASE_URL='postgres:.+'\nexport REDIS_URL='redis:.+'\nexport MIGRATE='false'\nexport GATEWAY_LEDGER='.+'\n$/u,
    )
    // The gateway's ledger is one of them: charges are compared with it, and a second one is found.
    const ledger = join(stateFolder, 'gateway-ledger.jsonl')
    expect(await runVerify(environment)).toEqual([])
    const charge = readFileSync(ledger, 'utf8')
      .split('\n')
      .find((line) => line.includes('"charge":{'))
    appendFileSync(ledger, `${charge?.replaceAll(/"sim_\w+"/gu, '"sim_second"')}\n`)
    expect(await runVerify(environment)).toEqual(['I1', 'I4'])

    start.signal('SIGTERM')
    expect(await start.exited, start.output()).toBe(0)
    expect(readdirSync(stateFolder)).not.toContain('env')
    await expectNothingLeft(stateFolder)
  })

  test.runIf(isLinux)('starts again after it was killed, and what it had started is gone', async () => {
    const stateFolder = createFolder()
    const killed = runStart(stateFolder, [], QUICK)
    await killed.waitFor(/Serving on/u)
    const before = findProcesses(stateFolder)
    killed.signal('SIGKILL')
    await killed.exited

    const next = runStart(stateFolder, ['--once'], QUICK)
    expect(await next.exited, next.output()).toBe(0)
    expect(before.length).toBeGreaterThanOrEqual(5)
    await eventually(() => findProcesses(stateFolder).length === 0)
  })

  test.runIf(isLinux)('stops when the package manager that runs it is killed', async () => {
    const stateFolder = createFolder()
    // Named like a package manager, and as deaf as one: it runs its script and passes nothing on.
    const launcher = join(stateFolder, 'pnpm')
    writeFileSync(launcher, '#!/bin/sh\ntrap "" INT\n"$@"\nexit $?\n', { mode: 0o755 })
    const start = runStart(stateFolder, [], { ...QUICK, npm_lifecycle_event: 'start' }, { launcher })
    await start.waitFor(/Serving on/u)
    start.signal('SIGKILL')
    await eventually(() => findProcesses(stateFolder).length === 0, { timeoutMs: 60_000 })
    await expectNothingLeft(stateFolder)
  })

  test.runIf(isLinux)('stops while the migrations hang', async () => {
    const stateFolder = createFolder()
    const start = runStart(stateFolder, ['--once'])
    const isMigration = (pid: number): boolean =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('\0migrate\0')
    const migration = await eventually(() => findProcesses(stateFolder).find(isMigration) ?? false, {
      timeoutMs: 60_000,
    })
    process.kill(migration, 'SIGSTOP')
    start.signal('SIGINT')
    expect(await start.exited, start.output()).toBe(130)
    await expectNothingLeft(stateFolder)
  })

  test('refuses a port that is taken before it starts anything', async () => {
    const stateFolder = createFolder()
    const port = await takePort()
    const start = runStart(stateFolder, ['--port', String(port)])
    expect(await start.exited).toBe(2)
    expect(start.output()).toContain(`Port ${port} is in use`)
    expect(readdirSync(stateFolder)).toEqual([])
  })

  test.each([
    [['--imput', 'x.csv'], 'Unknown arguments: --imput, x.csv'],
    [['--workers'], '--workers needs a value'],
    [['--once=yes'], '--once takes no value'],
    [['--workers', 'many'], '--workers must be a number from 1 to 16'],
    [['--input', 'missing.csv'], 'Cannot read'],
  ])('refuses %j before it starts anything', async (args, message) => {
    const stateFolder = createFolder()
    const start = runStart(stateFolder, args)
    expect(await start.exited).toBe(2)
    expect(start.output()).toContain(message)
    expect(readdirSync(stateFolder)).toEqual([])
  })
})
