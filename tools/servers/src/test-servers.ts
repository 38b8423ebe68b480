#!/usr/bin/env node
import { LocalError } from './errors.ts'
import { readBinaries, renderMatrix, testOn } from './server-matrix.ts'

/** What runs when no test is named: everything that talks to Redis in the queue. */
const DEFAULT_FILTERS = ['packages/queue-core']
const USAGE_ERROR = 2

process.exitCode = await main(process.argv.slice(2), process.env)

/** Runs the tests on each server that the environment names, one after the other, and prints a table. */
async function main(argv: readonly string[], env: NodeJS.ProcessEnv) {
  try {
    const binaries = readBinaries(env)
    // pnpm passes the "--" of "pnpm test:servers -- filter" on.
    const filters = argv.filter((arg) => arg !== '--')
    const rows = []
    for (const { name, command } of binaries) {
      process.stdout.write(`\n${name}\n`)
      rows.push(await testOn(name, command, filters.length > 0 ? filters : DEFAULT_FILTERS))
    }
    process.stdout.write(`\n${renderMatrix(rows)}\n`)
    return rows.every(({ passed, failed }) => failed === 0 && passed > 0) ? 0 : 1
  } catch (error) {
    if (!(error instanceof LocalError)) throw error
    process.stderr.write(`\n${error.message}\n`)
    return error.code === 'INVALID_INPUT' ? USAGE_ERROR : 1
  }
}
