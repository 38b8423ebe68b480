#!/usr/bin/env node
import { LocalError } from './errors.ts'
import {
  readBinaries,
  REDIS_CLIENTS,
  renderMatrix,
  testClient,
  testOn,
  testTopology,
  TOPOLOGIES,
  type RedisClientName,
} from './server-matrix.ts'

/** What runs when no test is named: everything that talks to Redis in the queue. */
const DEFAULT_FILTERS = ['packages/queue-core']
const USAGE_ERROR = 2

process.exitCode = await main(process.argv.slice(2), process.env)

/**
 * Runs the tests on each server that the environment names, or with `--clients` with each client, or with `--topologies`
 * with each client behind Sentinels and on a cluster, one after the other, and prints a table.
 */
async function main(argv: readonly string[], env: NodeJS.ProcessEnv) {
  try {
    // pnpm passes the "--" of "pnpm test:servers -- filter" on.
    const given = argv.filter((arg) => !arg.startsWith('--'))
    const filters = given.length > 0 ? given : DEFAULT_FILTERS
    const runs = runsOf(argv, env, filters)
    const rows = []
    for (const { name, run } of runs) {
      process.stdout.write(`\n${name}\n`)
      rows.push(await run())
    }
    process.stdout.write(`\n${renderMatrix(rows)}\n`)
    return rows.every(({ passed, failed }) => failed === 0 && passed > 0) ? 0 : 1
  } catch (error) {
    if (!(error instanceof LocalError)) throw error
    process.stderr.write(`\n${error.message}\n`)
    return error.code === 'INVALID_INPUT' ? USAGE_ERROR : 1
  }
}

function runsOf(argv: readonly string[], env: NodeJS.ProcessEnv, filters: readonly string[]) {
  if (argv.includes('--clients'))
    return clientsOf(env).map((name) => ({ name, run: () => testClient(name, filters) }))
  if (argv.includes('--topologies'))
    return (['sentinel', 'cluster'] as const).flatMap((topology) =>
      clientsOf(env)
        .filter((name) => TOPOLOGIES[topology].clients.includes(name))
        .map((name) => ({ name: `${name}, ${topology}`, run: () => testTopology(topology, name, filters) })),
    )
  return readBinaries(env).map(({ name, command }) => ({ name, run: () => testOn(name, command, filters) }))
}

/** The client that `TITAN_REDIS_CLIENT` names, or else all. */
function clientsOf({ TITAN_REDIS_CLIENT: wanted }: NodeJS.ProcessEnv) {
  const names = Object.keys(REDIS_CLIENTS) as RedisClientName[]
  return wanted ? names.filter((name) => name === wanted) : names
}
