#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { startGatewaySimulator } from './simulator.ts'
import { readOptions, USAGE, CLI_OPTIONS } from './cli-options.ts'

const { values } = parseArgs({ options: CLI_OPTIONS, strict: true })
if (values.help === true) process.stdout.write(USAGE)
else {
  const simulator = await startGatewaySimulator(readOptions(values))
  const stop = (): void => void simulator.close()
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  process.stdout.write(`titan-gateway-simulator listens on ${simulator.url}\n`)
}
