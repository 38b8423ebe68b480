import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { LocalError } from './errors.ts'
import { REPOSITORY } from './folders.ts'
import { inspectRedis } from './redis-binary.ts'
import { startRedisCluster } from './topologies/redis-cluster.ts'
import { startSentinelTrio } from './topologies/sentinel-trio.ts'

/** How the tests went on one server or with one client. */
type MatrixRow = Awaited<ReturnType<typeof testWith>>

/**
 * Reads `TITAN_REDIS_BINARIES`, a list `name=path,name=path`, or `TITAN_REDIS_BINARY`, one path.
 *
 * @throws LocalError `INVALID_INPUT` when neither is set or an entry has no path
 */
export function readBinaries(env: NodeJS.ProcessEnv) {
  const list = env['TITAN_REDIS_BINARIES']
  if (list) return list.split(',').map(readEntry)
  const one = env['TITAN_REDIS_BINARY']
  // Its folder and name tell more than the name alone.
  if (one) return [{ name: `${basename(dirname(one))}/${basename(one)}`, command: one }]
  throw new LocalError(
    'INVALID_INPUT',
    'Name the servers: TITAN_REDIS_BINARIES=redis-7.2=/path/to/redis-server,valkey-8.1=/path/to/valkey-server, ' +
      'or TITAN_REDIS_BINARY=/path/to/redis-server for one',
  )
}

function readEntry(entry: string) {
  const equals = entry.indexOf('=')
  const name = entry.slice(0, equals).trim()
  const command = entry.slice(equals + 1).trim()
  if (equals < 1 || command === '')
    throw new LocalError('INVALID_INPUT', `TITAN_REDIS_BINARIES: "${entry.trim()}" is not name=path`)
  return { name, command }
}

/** Runs the tests that `filters` select on a private server of this program; their output goes to the terminal. */
export async function testOn(name: string, command: string, filters: readonly string[]) {
  const { version } = await inspectRedis(command)
  // A server named by REDIS_URL would win over the program.
  return testWith(name, version, { TITAN_REDIS_BINARY: command, REDIS_URL: '' }, filters)
}

/** Clients that the tests of the queue run with, by the values of `TITAN_REDIS_CLIENT`, and the modules that they are of. */
export const REDIS_CLIENTS = {
  'node-redis-6': 'redis',
  'node-redis-6-pool': 'redis',
  'node-redis-5': 'redis-5',
  'node-redis-4': 'redis-4',
  'ioredis-6': 'ioredis',
  'ioredis-5': 'ioredis-5',
  iovalkey: 'iovalkey',
} as const

export type RedisClientName = keyof typeof REDIS_CLIENTS

/** Runs the tests that `filters` select with one client. */
export async function testClient(name: RedisClientName, filters: readonly string[]) {
  return testWith(name, versionOf(name), { TITAN_REDIS_CLIENT: name }, filters)
}

/** Topologies whose shared server the tests reach with a client that follows it. */
export const TOPOLOGIES = {
  sentinel: {
    clients: ['node-redis-6', 'node-redis-5', 'ioredis-6', 'ioredis-5', 'iovalkey'],
    async start(folder: string) {
      const trio = await startSentinelTrio(folder)
      const { port } = await trio.primary()
      const sentinels = [trio.masterName, ...trio.sentinels.map((sentinel) => sentinel.port)].join(',')
      return { port, variables: { TITAN_SENTINELS: sentinels }, stop: trio.stop }
    },
  },
  cluster: {
    clients: ['node-redis-6', 'ioredis-6', 'ioredis-5', 'iovalkey'],
    async start(folder: string) {
      const cluster = await startRedisCluster(folder)
      const ports = cluster.nodes.map(({ port }) => port)
      return { port: ports[0] ?? 0, variables: { TITAN_CLUSTER: ports.join(',') }, stop: cluster.stop }
    },
  },
}

/** Tests whose own processes and connections know the shared server as a single one. */
const SINGLE_SERVER_TESTS = [
  'consumer.redis',
  'crash.redis',
  'inspect.redis',
  'package',
  'signals.redis',
  'worker.redis',
]

/** Runs the tests that `filters` select with one client on a topology of several servers. */
export async function testTopology(
  topology: keyof typeof TOPOLOGIES,
  name: RedisClientName,
  filters: readonly string[],
) {
  const folder = mkdtempSync(join(tmpdir(), 'titan-matrix-'))
  const { port, variables, stop } = await TOPOLOGIES[topology].start(folder)
  try {
    const all = { TITAN_REDIS_CLIENT: name, REDIS_URL: `redis://127.0.0.1:${port}`, ...variables }
    const excluded = topology === 'cluster' ? SINGLE_SERVER_TESTS : []
    const given = [...filters, ...excluded.map((file) => `--exclude=**/${file}.test.ts`)]
    return await testWith(`${name}, ${topology}`, versionOf(name), all, given)
  } finally {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function versionOf(name: RedisClientName): string {
  const manifest = `packages/queue-core/node_modules/${REDIS_CLIENTS[name]}/package.json`
  return (JSON.parse(readFileSync(join(REPOSITORY, manifest), 'utf8')) as { readonly version: string })
    .version
}

async function testWith(
  name: string,
  version: string,
  variables: NodeJS.ProcessEnv,
  filters: readonly string[],
) {
  const folder = mkdtempSync(join(tmpdir(), 'titan-matrix-'))
  const report = join(folder, 'report.json')
  const startedAt = performance.now()
  try {
    const env = { ...process.env, TITAN_FAULTS: 'all', ...variables }
    await runVitest([...filters, '--reporter=default', '--reporter=json', `--outputFile=${report}`], env)
    const counts = readReport(report)
    return { name, version, ...counts, seconds: Math.round((performance.now() - startedAt) / 1_000) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runVitest(args: readonly string[], env: NodeJS.ProcessEnv) {
  const vitest = join(REPOSITORY, 'node_modules', 'vitest', 'vitest.mjs')
  const child = spawn(process.execPath, [vitest, 'run', ...args], { cwd: REPOSITORY, env, stdio: 'inherit' })
  // Failed tests end it with 1: the report tells.
  await once(child, 'exit')
}

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[]
}

/** A file that cannot even be loaded, or whose set-up fails, counts as one failed test. */
function readReport(path: string) {
  // Without a report the run itself broke down; why stands on the terminal.
  if (!existsSync(path)) return { passed: 0, failed: 1, skipped: 0 }
  const report = JSON.parse(readFileSync(path, 'utf8')) as Report
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  )
  const failed = report.numFailedTests + broken.length
  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests }
}

/** The results as a Markdown table. */
export function renderMatrix(rows: readonly MatrixRow[]) {
  const cells = [
    ['Tested', 'Version', 'Passed', 'Failed', 'Skipped', 'Time'],
    ...rows.map(({ name, version, passed, failed, skipped, seconds }) =>
      [name, version, passed, failed, skipped, `${seconds} s`].map(String),
    ),
  ]
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? []
  const lines = cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)))
  const rule = widths.map((width) => '-'.repeat(width))
  return lines
    .toSpliced(1, 0, rule)
    .map((line) => `| ${line.join(' | ')} |`)
    .join('\n')
}
