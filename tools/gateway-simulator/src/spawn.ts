import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createClient } from './client.ts'
import { writeOptions } from './cli-options.ts'
import type { GatewaySimulator, GatewaySimulatorOptions } from './simulator.ts'

/** A simulator in a process of its own. */
export interface SpawnedSimulator extends GatewaySimulator {
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>
}

/**
 * Starts a gateway simulator in a process of its own, so that it can be killed. It ends with this process at the latest.
 *
 * @throws {Error} with what it printed, when it ends before it listens
 */
export async function spawnGatewaySimulator(options: GatewaySimulatorOptions): Promise<SpawnedSimulator> {
  const cli = fileURLToPath(new URL('./cli.ts', import.meta.url))
  const child = spawn(process.execPath, [cli, ...writeOptions(options)], {
    // The channel tells it when this process is gone, however that ended.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const gone = once(child, 'exit')
  const url = await urlOf(child)

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    child.kill(signal)
    await gone
  }

  return {
    ...createClient(url),
    url,
    pid: child.pid ?? 0,
    ledgerPath: options.ledgerPath,
    kill: () => end('SIGKILL'),
    close: () => end('SIGTERM'),
  }
}

async function urlOf({ stdout, stderr }: ChildProcess): Promise<string> {
  if (stdout === null || stderr === null) throw new Error('the simulator has no output')
  let complaint = ''
  stderr.setEncoding('utf8').on('data', (text: string) => (complaint = `${complaint}${text}`.slice(-4_000)))
  for await (const line of createInterface({ input: stdout })) {
    const [, url] = / listens on (http:\S+)/.exec(line) ?? []
    if (url !== undefined) return url
  }
  throw new Error(`The gateway simulator did not start: ${complaint}`)
}
