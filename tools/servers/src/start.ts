#!/usr/bin/env node
import { resolve } from 'node:path'
import { parseArgs, renderUsage, type ArgsDef, type CommandDef } from 'citty'
import { runDemo } from './demo/demo.ts'
import { LocalError } from './errors.ts'
import { stateFolder } from './folders.ts'

const FLAGS = {
  input: {
    type: 'string',
    valueHint: 'FILE.csv',
    description: 'Send the payments in this file. Columns: amount, idempotency_key and optionally currency.',
  },
  port: {
    type: 'string',
    valueHint: 'N',
    description: 'Port of the API. Default: PORT, else 3000 if it is free, else any free port.',
  },
  workers: { type: 'string', valueHint: 'N', default: '1', description: 'Number of workers, 1 to 16.' },
  once: { type: 'boolean', default: false, description: 'Exit when the payments have ended.' },
  help: { type: 'boolean', alias: 'h', default: false, description: 'Show this help.' },
} as const satisfies ArgsDef

const COMMAND: CommandDef<typeof FLAGS> = {
  meta: {
    name: 'pnpm start',
    description:
      'Starts PostgreSQL, Redis, the API and a worker, sends sample payments, and serves until Ctrl-C. ' +
      'Set DATABASE_URL or REDIS_URL to use other servers. Data and logs are kept in .titan. ' +
      'Exit codes: 0 all payments ended; 1 a row was refused or a payment did not end; 2 invalid flag or input file; ' +
      '130 stopped before the payments ended.',
  },
  args: FLAGS,
}

const USAGE_ERROR = 2

// The terminal may be gone; SIGHUP stops the rest.
process.stdout.on('error', () => {})
process.exitCode = await main(process.argv.slice(2), process.env)

async function main(argv: readonly string[], env: NodeJS.ProcessEnv) {
  try {
    // pnpm passes the "--" of "pnpm start -- --once" on.
    const args = parseArgs<typeof FLAGS>(
      argv.filter((arg) => arg !== '--'),
      FLAGS,
    )
    if (args.help) {
      process.stdout.write(`${await renderUsage(COMMAND)}\n`)
      return 0
    }
    const flags = Object.keys(args).filter((name) => !['_', 'h', ...Object.keys(FLAGS)].includes(name))
    const unknown = [...flags.map((name) => `--${name}`), ...args._]
    if (unknown.length > 0)
      throw new LocalError(
        'INVALID_INPUT',
        `Unknown arguments: ${unknown.join(', ')}. Run with --help for a list.`,
      )
    const port = args.port ?? env['PORT']
    return await runDemo({
      input: args.input === undefined ? undefined : resolve(env['INIT_CWD'] ?? '.', args.input),
      port: port ? readNumber('port', port, 0, 65_535) : undefined,
      workerCount: readNumber('workers', args.workers, 1, 16),
      isOnce: args.once,
      stateFolder: stateFolder(env),
      env,
      stream: process.stdout,
    })
  } catch (error) {
    if (!(error instanceof LocalError)) throw error
    process.stderr.write(`\n${error.message}\n`)
    return error.code === 'INVALID_INPUT' ? USAGE_ERROR : 1
  }
}

function readNumber(flag: string, text: string, min: number, max: number) {
  const value = Number(text)
  if (/^\d+$/u.test(text) && value >= min && value <= max) return value
  throw new LocalError(
    'INVALID_INPUT',
    `--${flag} must be a number from ${min} to ${max}, got ${JSON.stringify(text)}`,
  )
}
