#!/usr/bin/env node
import { randomInt } from 'node:crypto'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runChaos } from './chaos.ts'
import type { ClientCounts } from './clients.ts'
import { formatProgress, formatReport, formatRolling, formatUpgrade } from './report.ts'
import { runRolling } from './rolling.ts'
import { TOPOLOGIES, type Topology } from './stores/store.ts'
import { runUpgrade } from './upgrade.ts'

const USAGE = `pnpm chaos: tries to lose a payment or to charge one twice

Starts PostgreSQL, Redis, a gateway simulator, two titan-api and three titan-worker processes with a proxy on every
connection. Sends payments while it kills and stops processes, restarts and wipes servers and cuts connections. Then it
ends all faults, waits until the system is quiet, and verifies every payment. Exits with code 1 on any breach.

  --on <topology>  Servers of the run. (default single)
                     single    one PostgreSQL, one Redis
                     sentinel  three Redis and three Sentinels
                     cluster   a Redis Cluster of six
                     postgres  a primary with two synchronous standbys
                     patroni   the same behind Patroni, etcd and HAProxy
  --gateways <n>   2: a second gateway, which is dead again and again; payments then go to the first one. (default 1)
  --accounts <n>   Accounts that the payments are of, up to 9; they use the same idempotency keys. (default 1)
  --payments <n>   Number of payments; a third of them is also refunded, captured or voided. (default 20000, or 2000
                   where faults follow each other)
  --duration <s>   Seconds of payments and faults. (default 1 for every 60 payments, at least 15; or 240)
  --mixed          Let faults overlap. Otherwise each begins after the last one is over, and the report has the longest
                   time without an accepted payment under each. (default with --on single; --no-mixed)
  --only <types>   Make only these types of faults, with commas between; not with --mixed.
  --every <ms>     Mean time between two faults. (default 3000)
  --quiet <s>      Seconds until the system must be quiet after the last fault. (default 180)
  --rolling        Restart the workers in turn instead of making faults, and measure how soon other workers claim the
                   jobs that they release. (changes the defaults: --payments 3000, --duration 30)
  --previous <dir> Run the second API and the second worker from the checkout of another version. With --rolling: start
                   everything from it, upgrade one program after the other, then go back. (default --duration 120)
  --seed <n>       Repeat the schedule of another run. (default random)
  --json           Print the report as JSON.
  --help           Print this help.
`

const PROGRESS_EVERY_MS = 10_000

/** The length of a run. */
const USUAL = {
  rolling: { payments: 3_000, secondsFor: () => 30 },
  upgrade: { payments: 3_000, secondsFor: () => 120 },
  mixed: { payments: 20_000, secondsFor: (payments: number) => Math.max(15, Math.ceil(payments / 60)) },
  turns: { payments: 2_000, secondsFor: () => 240 },
}

process.exitCode = await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<number> {
  try {
    const flags = readFlags(argv)
    if (flags.help) {
      process.stdout.write(USAGE)
      return 0
    }
    return await (flags.rolling ? roll : run)(settingsOf(flags))
  } catch (error) {
    if (!isUsageError(error)) throw error
    process.stderr.write(`pnpm chaos: ${error.message}\n`)
    return 2
  }
}

function readFlags(argv: readonly string[]) {
  return parseArgs({
    args: argv.filter((arg) => arg !== '--'),
    allowNegative: true,
    options: {
      on: { type: 'string', default: 'single' },
      gateways: { type: 'string', default: '1' },
      accounts: { type: 'string', default: '1' },
      payments: { type: 'string' },
      duration: { type: 'string' },
      mixed: { type: 'boolean' },
      only: { type: 'string' },
      every: { type: 'string', default: '3000' },
      quiet: { type: 'string', default: '180' },
      seed: { type: 'string', default: `${randomInt(1, 1_000_000)}` },
      previous: { type: 'string' },
      rolling: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values
}

interface Settings {
  readonly on: Topology
  readonly gateways: number
  readonly accounts: number
  readonly mixed: boolean
  readonly only: readonly string[] | undefined
  readonly payments: number
  readonly durationMs: number
  readonly everyMs: number
  readonly quietWithinMs: number
  readonly seed: number
  readonly json: boolean
  readonly previous: string | undefined
}

function settingsOf(flags: ReturnType<typeof readFlags>): Settings {
  const { previous } = flags
  const on = readTopology(flags.on)
  const only = flags.only?.split(',')
  const mixed = flags.mixed ?? (on === 'single' && only === undefined)
  const rolling = previous === undefined ? 'rolling' : 'upgrade'
  const usual = USUAL[flags.rolling ? rolling : mixed ? 'mixed' : 'turns']
  const payments = readNumber('payments', flags.payments ?? `${usual.payments}`)
  return {
    on,
    gateways: readNumber('gateways', flags.gateways, 2),
    accounts: readNumber('accounts', flags.accounts, 9),
    mixed,
    only,
    payments,
    durationMs: 1_000 * readNumber('duration', flags.duration ?? `${usual.secondsFor(payments)}`),
    everyMs: readNumber('every', flags.every),
    quietWithinMs: 1_000 * readNumber('quiet', flags.quiet),
    seed: readNumber('seed', flags.seed),
    json: flags.json,
    previous: previous === undefined ? undefined : resolve(previous),
  }
}

async function run({ json, ...options }: Settings): Promise<number> {
  const { stderr } = process
  announce(options)
  let printedAt = -PROGRESS_EVERY_MS
  const report = await runChaos({
    ...options,
    onProgress(progress) {
      if (stderr.isTTY) stderr.write(`\r\u001B[K${formatProgress(progress)}`)
      else if (progress.elapsedMs - printedAt >= PROGRESS_EVERY_MS) {
        printedAt = progress.elapsedMs
        stderr.write(`${formatProgress(progress)}\n`)
      }
    },
  })
  if (stderr.isTTY) stderr.write('\r\u001B[K')
  return print(report, json ? undefined : formatReport(report))
}

async function roll({ json, previous, ...options }: Settings): Promise<number> {
  announce(options)
  const onRestart = (program: string, { tried, answered }: Readonly<ClientCounts>): void =>
    void process.stderr.write(`${program} restarted; ${answered} of ${tried} payments answered\n`)
  if (previous === undefined) {
    const report = await runRolling({ ...options, onRestart })
    return print(report, json ? undefined : formatRolling(report))
  }
  const report = await runUpgrade({ ...options, previous, onRestart })
  return print(report, json ? undefined : formatUpgrade(report))
}

/** Prints a report as text or JSON; returns the exit code. */
function print(report: { readonly breaches: readonly string[] }, text: string | undefined): number {
  process.stdout.write(`${text ?? JSON.stringify(report)}\n`)
  return report.breaches.length === 0 ? 0 : 1
}

function announce({ on, payments, durationMs, seed }: Omit<Settings, 'json' | 'previous'>): void {
  process.stderr.write(
    `${payments} payments over ${durationMs / 1_000} s on ${on}, seed ${seed}; starting the servers\n`,
  )
}

function readTopology(name: string): Topology {
  const known = Object.keys(TOPOLOGIES) as Topology[]
  const found = known.find((topology) => topology === name)
  if (found !== undefined) return found
  throw new RangeError(`--on must be one of ${known.join(', ')}, got ${JSON.stringify(name)}`)
}

function readNumber(flag: string, text: string, most = 999_999_999): number {
  if (!/^[1-9]\d{0,8}$/.test(text) || Number(text) > most)
    throw new RangeError(`--${flag} must be a whole number from 1 to ${most}, got ${JSON.stringify(text)}`)
  return Number(text)
}

function isUsageError(error: unknown): error is Error {
  if (error instanceof RangeError) return true
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}
