import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { LocalError } from './errors.ts'
import { repositoryFolder } from './folders.ts'
import { inspectRedis } from './redis-binary.ts'

/** A server program to run the tests on. */
export interface NamedBinary {
  readonly name: string
  readonly command: string
}

/** How the tests went on one server. */
export interface MatrixRow {
  readonly name: string
  readonly version: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly seconds: number
}

/**
 * Reads `TITAN_REDIS_BINARIES`, a list `name=path,name=path`, or `TITAN_REDIS_BINARY`, one path.
 *
 * @throws LocalError `INVALID_INPUT` when neither is set or an entry has no path
 */
export function readBinaries(env: NodeJS.ProcessEnv): NamedBinary[] {
  const list = env['TITAN_REDIS_BINARIES']
  if (list) return list.split(',').map(readEntry)
  const one = env['TITAN_REDIS_BINARY']
  if (one) return [{ name: nameOf(one), command: one }]
  throw new LocalError(
    'INVALID_INPUT',
    'Name the servers: TITAN_REDIS_BINARIES=redis-7.2=/path/to/redis-server,valkey-8.1=/path/to/valkey-server, ' +
      'or TITAN_REDIS_BINARY=/path/to/redis-server for one',
  )
}

function readEntry(entry: string): NamedBinary {
  const equals = entry.indexOf('=')
  const name = entry.slice(0, equals).trim()
  const command = entry.slice(equals + 1).trim()
  if (equals < 1 || command === '')
    throw new LocalError('INVALID_INPUT', `TITAN_REDIS_BINARIES: "${entry.trim()}" is not name=path`)
  return { name, command }
}

/** The program's folder and name, which tell more than the name alone. */
function nameOf(command: string): string {
  return `${basename(dirname(command))}/${basename(command)}`
}

/** Runs the tests that `filters` select on a private server of this program; their output goes to the terminal. */
export async function testOn({ name, command }: NamedBinary, filters: readonly string[]): Promise<MatrixRow> {
  const { version } = await inspectRedis(command)
  const folder = mkdtempSync(join(tmpdir(), 'titan-matrix-'))
  const report = join(folder, 'report.json')
  const startedAt = performance.now()
  try {
    // A server named by REDIS_URL would win over the program.
    const env = { ...process.env, TITAN_REDIS_BINARY: command, REDIS_URL: '' }
    await runVitest([...filters, '--reporter=default', '--reporter=json', `--outputFile=${report}`], env)
    const counts = readReport(report)
    return { name, version, ...counts, seconds: Math.round((performance.now() - startedAt) / 1_000) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function runVitest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const vitest = join(repositoryFolder(), 'node_modules', 'vitest', 'vitest.mjs')
  const child = spawn(process.execPath, [vitest, 'run', ...args], {
    cwd: repositoryFolder(),
    env,
    stdio: 'inherit',
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    // Failed tests end it with 1: the report tells.
    child.once('exit', () => resolve())
  })
}

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[]
}

/** A file that cannot even be loaded, or whose set-up fails, counts as one failed test. */
function readReport(path: string): Pick<MatrixRow, 'passed' | 'failed' | 'skipped'> {
  // Without a report the run itself broke down; why stands on the terminal.
  if (!existsSync(path)) return { passed: 0, failed: 1, skipped: 0 }
  const report = JSON.parse(readFileSync(path, 'utf8')) as Report
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests,
  }
}

/** The results as a Markdown table. */
export function renderMatrix(rows: readonly MatrixRow[]): string {
  const header = ['Server', 'Version', 'Passed', 'Failed', 'Skipped', 'Time']
  const cells = rows.map((row) =>
    [row.name, row.version, row.passed, row.failed, row.skipped, `${row.seconds} s`].map(String),
  )
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(header), rule, ...cells.map(line)].join('\n')
}
