#!/usr/bin/env node
import { readOptions } from './options.ts'
import { startGatewaySimulator } from './simulator.ts'

let hasOptions = false
try {
  const options = readOptions(process.argv.slice(2))
  hasOptions = true
  if (options !== undefined) {
    const simulator = await startGatewaySimulator(options)
    // At once: with a connection that is still ending, Node 26 was seen to spin in its own cleanup without end.
    const stop = (): void => void simulator.close().then(() => process.exit())
    // A simulator whose test was killed ends with its channel.
    for (const event of ['SIGTERM', 'SIGINT', 'disconnect']) process.once(event, stop)
    process.channel?.unref()
    process.stdout.write(`titan-gateway-simulator listens on ${simulator.url}\n`)
  }
} catch (error) {
  process.stderr.write(`titan-gateway-simulator: ${error instanceof Error ? error.message : String(error)}\n`)
  // 2 for faulty flags, such as a behaviour that does not exist.
  process.exitCode = !hasOptions || error instanceof RangeError ? 2 : 1
}
