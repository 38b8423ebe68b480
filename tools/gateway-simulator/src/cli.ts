#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { CLI_OPTIONS, readOptions, USAGE } from './cli-options.ts'
import { startGatewaySimulator, type GatewaySimulatorOptions } from './simulator.ts'

/** Exit codes: faulty flags, and anything else. */
const EXIT = { usage: 2, failure: 1 } as const

const options = readCommandLine()
if (options !== undefined) await run(options)

function readCommandLine(): GatewaySimulatorOptions | undefined {
  try {
    const { values } = parseArgs({ options: CLI_OPTIONS, strict: true })
    if (values.help !== true) return readOptions(values)
    process.stdout.write(USAGE)
  } catch (error) {
    fail(error, EXIT.usage)
  }
  return undefined
}

async function run(given: GatewaySimulatorOptions): Promise<void> {
  try {
    const simulator = await startGatewaySimulator(given)
    const stop = (): void => void simulator.close()
    process.once('SIGTERM', stop)
    process.once('SIGINT', stop)
    // Nobody else would end a simulator whose test was killed.
    process.once('disconnect', stop)
    process.channel?.unref()
    process.stdout.write(`titan-gateway-simulator listens on ${simulator.url}\n`)
  } catch (error) {
    fail(error, error instanceof RangeError ? EXIT.usage : EXIT.failure)
  }
}

function fail(error: unknown, code: number): void {
  process.stderr.write(`titan-gateway-simulator: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = code
}
