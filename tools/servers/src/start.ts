#!/usr/bin/env node
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runDemo } from './demo/demo.ts'
import { LocalError } from './errors.ts'
import { stateFolder } from './folders.ts'

const USAGE = `Starts PostgreSQL, Redis, the API and a worker, sends sample payments, and serves until Ctrl-C.
Set DATABASE_URL or REDIS_URL to use other servers. Data and logs are kept in .titan.

Usage: pnpm start [options]

  --input <FILE.csv>  Send the payments in this file. Columns: amount, idempotency_key and optionally currency.
  --port <N>          Port of the API. Default: PORT, else 3000 if it is free, else any free port.
  --workers <N>       Number of workers, 1 to 16. Default: 1.
  --once              Exit when the payments have ended.
  -h, --help          Show this help.

Exit codes: 0 all payments ended; 1 a row was refused or a payment did not end; 2 invalid flag or input file;
130 stopped before the payments ended.
`

const OPTIONS = {
  input: { type: 'string' },
  port: { type: 'string' },
  workers: { type: 'string', default: '1' },
  once: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

// The terminal may be gone; SIGHUP stops the rest.
process.stdout.on('error', () => {})
process.exitCode = await main(process.argv.slice(2), process.env)

async function main(argv: readonly string[], env: NodeJS.ProcessEnv) {
  try {
    const { help, once, input, port = env['PORT'], workers } = readFlags(argv)
    if (help) {
      process.stdout.write(USAGE)
      return 0
    }
    return await runDemo({
      input: input === undefined ? undefined : resolve(env['INIT_CWD'] ?? '.', String(input)),
      port: port ? readNumber('port', port, 0, 65_535) : undefined,
      workerCount: readNumber('workers', workers, 1, 16),
      isOnce: once === true,
      stateFolder: stateFolder(env),
      env,
      stream: process.stdout,
    })
  } catch (error) {
    if (!(error instanceof LocalError)) throw error
    process.stderr.write(`\n${error.message}\n`)
    return error.code === 'INVALID_INPUT' ? 2 : 1
  }
}

function readFlags(argv: readonly string[]) {
  // pnpm passes the "--" of "pnpm start -- --once" on.
  const args = argv.filter((arg) => arg !== '--')
  const { values, positionals } = parseArgs({ args, options: OPTIONS, strict: false })
  if (values.help === true) return values
  const flags = Object.keys(values).filter((name) => !Object.hasOwn(OPTIONS, name))
  const unknown = [...flags.map((name) => `--${name}`), ...positionals]
  if (unknown.length > 0)
    throw invalid(`Unknown arguments: ${unknown.join(', ')}. Run with --help for a list.`)
  for (const [name, { type }] of Object.entries(OPTIONS)) {
    const value: unknown = values[name]
    if (value !== undefined && typeof value !== type)
      throw invalid(`--${name} ${type === 'string' ? 'needs a value' : 'takes no value'}`)
  }
  return values
}

function readNumber(flag: string, text: unknown, min: number, max: number) {
  const value = Number(text)
  if (/^\d+$/u.test(String(text)) && value >= min && value <= max) return value
  throw invalid(`--${flag} must be a number from ${min} to ${max}, got ${JSON.stringify(text)}`)
}

function invalid(message: string) {
  return new LocalError('INVALID_INPUT', message)
}
