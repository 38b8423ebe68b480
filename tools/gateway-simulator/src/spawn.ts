import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createClient } from './control.ts'
import { writeOptions, type GatewaySimulatorOptions } from './options.ts'
import type { GatewaySimulator } from './simulator.ts'

/** A simulator in a separate process. */
export interface SpawnedSimulator extends GatewaySimulator {
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>
}

/**
 * Starts a gateway simulator in a separate process, so that it can be killed. It ends with this process at the latest.
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
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('the simulator has no output')
  let complaint = ''
  stderr.setEncoding('utf8').on('data', (text: string) => (complaint = `${complaint}${text}`.slice(-4_000)))

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    child.kill(signal)
    await gone
  }

  for await (const line of createInterface({ input: stdout })) {
    const [, url] = / listens on (http:\S+)/.exec(line) ?? []
    if (url === undefined) continue
    const { pid = 0 } = child
    const ends = { kill: () => end('SIGKILL'), close: () => end('SIGTERM') }
    return { ...createClient(url), url, pid, ledgerPath: options.ledgerPath, ...ends }
  }
  throw new Error(`The gateway simulator did not start: ${complaint}`)
}
